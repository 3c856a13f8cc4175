"""`s3prl-convexprune doctor`: versions, remedies with their reasons, the hook, and what each recipe needs."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from s3prl_convexprune import compat
from s3prl_convexprune._plugin import SWITCH
from s3prl_convexprune.compat import sox_effects
from s3prl_convexprune.doctor import examine
from s3prl_convexprune.tasks.recipes import RECIPES
from s3prl_convexprune.tasks.table import DOWNSTREAMS
from tests import recipe_corpora


def findings(environ: dict | None = None) -> dict[tuple[str, str], object]:
    return {(finding.section, finding.name): finding for finding in examine(environ or {})}


def test_versions_and_every_remedy_with_its_reason():
    found = findings()
    assert found["installed", "torch"].state == version("torch")
    for remedy in compat.REMEDIES:
        finding = found["remedies", remedy.name]
        assert remedy.why in finding.state and finding.ok
        assert finding.state.startswith((f"applied to {remedy.target}", "not needed"))


def test_recipes_are_ready_once_their_corpus_is_there(tmp_path):
    bare, given = findings(), findings(recipe_corpora.er(tmp_path))
    assert "S3PRL_CONVEXPRUNE_DATA_IEMOCAP" in bare["recipes", "emotion"].state
    assert not bare["recipes", "emotion"].ok and not bare["recipes", "emotion"].broken
    assert given["recipes", "emotion"].state == "ready"
    assert set(DOWNSTREAMS) == {*RECIPES, "ctc"}
    assert "clone of s3prl" in bare["recipes", "ctc"].state


def test_recipes_that_need_the_program_sox_say_so(monkeypatch):
    monkeypatch.setattr(sox_effects, "replaced", lambda: True)
    for place in ("/usr/bin/sox", None):
        monkeypatch.setattr(sox_effects, "program", lambda place=place: place)
        found = findings()
        recipes = {name: finding.state for (section, name), finding in found.items() if section == "recipes"}
        named = {name for name, state in recipes.items() if "the program sox" in state}
        assert named == (set() if place else {"sv_voxceleb1", "quesst14_dtw"})


def test_a_broken_config_is_shown(tmp_path, monkeypatch):
    (tmp_path / "broken.yaml").write_text("name: [")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    assert not findings()["configs", str(tmp_path / "broken.yaml")].ok


def test_the_switch_is_shown():
    assert "switched off" in findings({SWITCH: "1"})["hook", ".pth file"].state


@pytest.mark.slow
def test_the_command_in_an_installation(installed, tmp_path):
    done = installed.run(["s3prl-convexprune", "doctor"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "is in site-packages" in done.stdout and "sid_cache" in done.stdout
    assert "! speech_commands" in done.stdout


def test_without_s3prl_it_says_so_and_fails(installed, tmp_path):
    """The plugin alone, nothing borrowed from other installations."""
    package = next(installed.bin.parent.glob("lib/python*/site-packages")) / "s3prl_convexprune"
    (tmp_path / "s3prl_convexprune").symlink_to(package)
    lines = "import sys, yaml; sys.modules.update(s3prl=None, torch=None); "
    code = f"{lines}from s3prl_convexprune.cli.main import main; sys.exit(main(['doctor']))"
    done = installed.run(["python", "-c", code], tmp_path)
    assert done.returncode == 1, done.stderr
    assert "pip install s3prl" in done.stdout
