"""`import s3prl_convexprune as cp`: typed names, a function for every verb with the verb's arguments."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import s3prl_convexprune as cp
from s3prl_convexprune import errors
from s3prl_convexprune.cli.parser import verb_parser

#: An option's name in Python, where it is not the option's own.
IN_PYTHON = {
    "run": {"upstream": "upstreams", "task": "tasks", "lr": "lrs"},
    "finetune": {"upstream": "upstreams"},
    "profile": {"upstream": "upstreams", "batch": "batches"},
    "select": {"analysis": "analysis_path"},
    "analyze": {"launcher": "jobs", "launcher_option": "jobs"},
    "screen": {},
    "leaderboard": {},
    "plot": {},
    "export": {},
    "predict": {},
}
EVERYWHERE = {"override": "overrides", "launcher_option": "launcher_options"}
#: Verb -> the functions of some of its options: which option calls it, its own options.
OF_ANOTHER_FUNCTION = {
    "predict": [("stream", "chunk", {"hop"})],
    "profile": [("time_depths", "by_depth", {"threads"}), ("profile_exported", "exported", {"exported", "threads"})],
}
OF_THE_COMMAND = {"help", "json", "dry_run", "exact"}  # what only prints, or only does not

USER_FILE = """
import s3prl_convexprune as cp

analysis = cp.analyze("tiny_hubert", "demo", "word", per_class=5)
reveal_type(analysis)
reveal_type(analysis.choose("within-sem").layer)
reveal_type(cp.select("words.json").choice)
reveal_type(cp.run(["hubert"], ["ks"], "grid").failed)
reveal_type(cp.profile(["hubert"])[0].params)
reveal_type(cp.leaderboard(["grid"]).markdown())
reveal_type(cp.read_manifest("m.csv")[0].labels)
reveal_type(cp.upstream_names())
try:
    cp.export("hubert_convexpruned_L6", "x.pt")
except cp.DepthError as error:
    reveal_type(error)
cp.analyze("tiny_hubert", "demo", "word", per_clas=5)
cp.analyse
"""
REVEALED = [
    "s3prl_convexprune.artifact.analysis.Analysis",
    "int",
    "s3prl_convexprune.artifact.choosing.Choice",
    "dict[str, s3prl_convexprune.results.result.Failure]",
    "int",
    "str",
    "dict[str, str]",
    "list[str]",
    "s3prl_convexprune.errors.DepthError",
]


def test_names_are_listed_and_there():
    assert dir(cp) == sorted(cp.__all__)
    for name in cp.__all__:
        assert getattr(cp, name) is not None
    families = [name for name, kind in vars(errors).items() if inspect.isclass(kind)]
    assert {name for name in families if issubclass(getattr(errors, name), Exception)} <= set(dir(cp))
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        cp.analyse  # noqa: B018


@pytest.mark.parametrize("verb", IN_PYTHON)
def test_a_function_takes_what_its_verb_takes(verb):
    parameters = inspect.signature(getattr(cp, verb)).parameters
    actions = {action.dest: action for action in verb_parser(verb)._actions}
    elsewhere = set()
    for other, called_by, takes in OF_ANOTHER_FUNCTION.get(verb, ()):
        assert takes <= inspect.signature(getattr(cp, other)).parameters.keys()
        elsewhere |= {called_by, *takes}
    for name in actions.keys() - OF_THE_COMMAND - elsewhere:
        name = IN_PYTHON[verb].get(name, EVERYWHERE.get(name, name))
        assert name in parameters, f"{verb} has no {name}"
    documented = inspect.getdoc(getattr(cp, verb)) or ""
    assert all(name in documented for name in parameters)


def test_mypy_sees_the_types_on_a_users_file(tmp_path):
    pytest.importorskip("mypy", reason="mypy comes with the extra dev")
    (tmp_path / "user.py").write_text(USER_FILE)
    skipped = (
        "torch",
        "torchaudio",
        "numpy",
        "numba",
        "transformers",
        "speechbrain",
        "pydantic",
        "matplotlib",
        "sklearn",
    )
    sections = "".join(f"[mypy-{name}.*]\nfollow_imports = skip\n" for name in skipped)
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nignore_missing_imports = true\n{sections}")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", os.devnull, "user.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(Path(cp.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("user.py:")]
    revealed = [line.partition('type is "')[2].rstrip('"') for line in lines if "Revealed" in line]
    assert [text.replace("builtins.", "") for text in revealed] == REVEALED, done.stdout
    wrong = [line for line in lines if ": error:" in line]
    assert len(wrong) == 2 and "per_clas" in wrong[0] and "analyse" in wrong[1], done.stdout


def test_an_analysis_without_an_output_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"per_class": 4, "neighbors": 2, "device": "cpu", "progress": False}
    kept = cp.analyze("tiny_hubert", "demo", "emotion", "kept.json", **settings)
    assert kept == cp.Analysis.read("kept.json")
    (tmp_path / "kept.json").unlink()
    utterances = cp.open_corpus("demo", "emotion")
    assert cp.analyze("tiny_hubert", utterances, "emotion", corpus_name="demo", **settings) == kept
    assert not list(tmp_path.iterdir())
