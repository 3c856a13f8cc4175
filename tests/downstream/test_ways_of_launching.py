"""A pruned upstream trains through every door that s3prl has, with nothing but the plugin installed beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import SHORT, Installed, override

UPSTREAM = "hubert_custom_convexpruned_L2"
COMMON = ["-m", "train", "-u", UPSTREAM, "-n", "exp", "--device", "cpu"]


def train(installed: Installed, start: list, downstream: str, hubert: Path, corpora: dict, cwd: Path, **more) -> str:
    """Train two steps; returns what was printed. The run must leave its checkpoint under `cwd`."""
    arguments = [*COMMON, "-k", hubert, "-d", downstream, "-o", override(SHORT)]
    done = installed.run([*start, *arguments], cwd, {**corpora, **more.pop("environ", {})})
    assert done.returncode == 0, done.stderr[-3000:]
    assert (cwd / "result" / "downstream" / "exp" / "states-2.ckpt").is_file()
    return done.stdout


@pytest.mark.slow
def test_run_downstream_on_path(installed, hubert, corpora, tmp_path):
    """It needs no hook: here it is switched off."""
    environ = {"S3PRL_CONVEXPRUNE_NO_HOOK": "1"}
    train(installed, ["run_downstream.py"], "speech_commands", hubert, corpora, tmp_path, environ=environ)


@pytest.mark.slow
def test_unmodified_module(installed, hubert, corpora, tmp_path):
    train(installed, ["python", "-m", "s3prl.run_downstream"], "emotion", hubert, corpora, tmp_path)


@pytest.mark.slow
def test_unmodified_clone(installed, hubert, corpora, tmp_path):
    """A clone is the package's files plus the configs that the package leaves out; its own config is used, not ours."""
    import s3prl

    from s3prl_convexprune.tasks.recipes import recipe_path

    package = Path(s3prl.__file__).parent
    clone = tmp_path / "clone" / "s3prl"
    shutil.copytree(package, clone, ignore=shutil.ignore_patterns("__pycache__", ".cache"))
    own = recipe_path("voxceleb1").read_text().replace("file_path: null", "file_path: " + str(tmp_path / "elsewhere"))
    (clone / "downstream" / "voxceleb1" / "config.yaml").write_text(own)
    environ = {"PYTHONPATH": str(clone.parent)}
    arguments = [*COMMON, "-k", hubert, "-d", "voxceleb1"]
    refused = installed.run(["python", "run_downstream.py", *arguments], clone, {**corpora, **environ})
    assert refused.returncode != 0
    assert "elsewhere" in refused.stderr.splitlines()[-1] and "Traceback" not in refused.stderr

    root = corpora["S3PRL_CONVEXPRUNE_DATA_VOXCELEB1"]
    short = override(SHORT, {"config.downstream_expert.datarc.file_path": root})
    done = installed.run(["python", "run_downstream.py", *arguments, "-o", short], clone, {**corpora, **environ})
    assert done.returncode == 0, done.stderr[-3000:]
    assert (clone / "result" / "downstream" / "exp" / "states-2.ckpt").is_file()
    assert not (clone / "downstream" / "voxceleb1" / ".cache").exists()


NOTEBOOK = """
import json, sys, torch
from s3prl.nn import S3PRLUpstream
from s3prl import hub
import s3prl
upstream = S3PRLUpstream({name!r}, path_or_url={checkpoint!r})
wavs, lengths = torch.randn(2, 16000), torch.tensor([16000, 9000])
states, _ = upstream(wavs, lengths)
print(json.dumps({{
    "states": len(states), "layers": upstream.num_layers,
    "listed": [name in S3PRLUpstream.available_names() for name in ("hubert_convexpruned_mine", "hf_wavlm_custom")],
    "options": "hubert_convexpruned_mine" in hub.options(),
}}))
"""


def test_notebook(installed, hubert, tmp_path):
    """`S3PRLUpstream` without importing the plugin: names resolve, configured ones are listed."""
    (tmp_path / "mine.yaml").write_text("name: hubert_convexpruned_mine\nbase: hubert\nlayers: 3\n")
    code = NOTEBOOK.format(name=UPSTREAM, checkpoint=str(hubert))
    done = installed.run(["python", "-c", code], tmp_path, {"S3PRL_CONVEXPRUNE_CONFIGS": str(tmp_path)})
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"states": 3, "layers": 3, "listed": [True, True], "options": True}
