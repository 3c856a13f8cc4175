"""What s3prl's downstreams import, and the one line that a missing package gets before anything is computed."""

from __future__ import annotations

import argparse
import ast
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from s3prl_convexprune.compat import sox_effects
from s3prl_convexprune.downstream.launch import check_run
from s3prl_convexprune.errors import InstallationError
from s3prl_convexprune.experiments.frozen.planning import make_plan
from s3prl_convexprune.tasks.requirements import MODULES
from s3prl_convexprune.tasks.table import DOWNSTREAMS

#: Modules of s3prl's requirements and of ours, and what a remedy stands in for.
THERE = {"torch", "torchaudio", "numpy", "scipy", "sklearn", "librosa", "soundfile", "tqdm", "yaml"}
THERE |= {"s3prl", "catalyst", "sox"}


def imports_of(downstream: str) -> set[str]:
    """The modules that importing this downstream's expert imports, s3prl's own files left out."""
    folder = Path(find_spec("s3prl").origin).parent / "downstream" / downstream
    found, seen, files = set(), set(), [folder / "expert.py"]
    while files:
        file = files.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.ImportFrom):
                beside = file.parents[node.level - 1] / (node.module or "").replace(".", "/")
                files += [beside.with_suffix(".py"), beside / "__init__.py"]
                files += [beside / f"{alias.name}.py" for alias in node.names]
    return found


@pytest.mark.parametrize("downstream", DOWNSTREAMS)
def test_the_table_says_what_the_experts_import(downstream):
    brought = {MODULES.get(name, name) for name in DOWNSTREAMS[downstream].packages}
    assert imports_of(downstream) - set(sys.stdlib_module_names) - THERE == brought


def test_a_grid_is_refused_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InstallationError, match="^asr: .* imports pandas; pip install pandas"):
        make_plan(["hubert"], ["ks", "asr"], tmp_path)
    assert make_plan(["hubert"], ["ks"], tmp_path).cells


def test_a_run_is_refused_before_its_corpus_is_looked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "dtw", None)
    args = argparse.Namespace(device="cpu", downstream="quesst14_dtw")
    with pytest.raises(InstallationError, match="pip install dtw-python"):
        check_run(args, {})


@pytest.mark.parametrize(
    ("downstream", "said"), [("ctc", "from a clone of s3prl"), ("sv_voxceleb1", "apt-get install sox")]
)
def test_what_is_no_python_package_is_asked_for_too(monkeypatch, downstream, said):
    monkeypatch.setattr(sox_effects, "replaced", lambda: True)
    monkeypatch.setattr(sox_effects, "program", lambda: None)
    with pytest.raises(InstallationError, match=said):
        check_run(argparse.Namespace(device="cpu", downstream=downstream), {})


def test_a_downstream_of_s3prl_that_no_table_knows(monkeypatch):
    monkeypatch.setitem(sys.modules, "asteroid", None)
    with pytest.raises(InstallationError, match="^enhancement_stft: .* imports asteroid"):
        check_run(argparse.Namespace(device="cpu", downstream="enhancement_stft"), {})
