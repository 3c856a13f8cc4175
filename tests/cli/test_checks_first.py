"""What can be known before the work is refused before it: no hub is imported, nothing is built, read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.upstreams import registry
from tests.checkpoints import CASES, LAYERS
from tests.recipe_corpora import build

CASE = CASES["hubert-post"]

#: verb -> arguments that are complete, for an upstream that is given last.
VERBS = {
    "analyze": ["--corpus", "demo", "--label", "word", "-o", "out.json", "-u"],
    "run": ["-t", "ks", "-o", "out", "-u"],
    "run --dry-run": ["-t", "ks", "-o", "out", "--dry-run", "-u"],
    "finetune": ["-t", "ks", "-o", "out", "--data-folder", ".", "-u"],
    "profile": ["-o", "out.json", "-u"],
    "export": ["-o", "out"],
}

#: what is wrong with an upstream -> (its name, further arguments, what is said)
UPSTREAMS = {
    "unknown": ("hubret_convexpruned_L2", [], "no upstream 'hubret'; did you mean 'hubert'"),
    "too deep": ("hubert_convexpruned_L13", [], "hubert has 12 transformer layers; L13 is out of range 1..12"),
    "recurrent": ("apc_convexpruned_L2", [], "apc cannot be cut: its encoder is recurrent"),
    "no checkpoint": ("hubert_local_convexpruned_L2", [], "hubert_local needs a checkpoint"),
    "absent checkpoint": (f"{CASE.entry}_convexpruned_L2", ["-k", "absent.pt"], "there is no checkpoint at absent.pt"),
    "deeper than its checkpoint": (
        f"{CASE.entry}_convexpruned_L9",
        ["-k", "CHECKPOINT"],
        f"{CASE.entry} has {LAYERS} transformer layers; L9 is out of range",
    ),
    "a classifier that is never loaded": ("ast_convexpruned_L3", [], "give feature_selection='hidden_states'"),
    "no analysis": ("undecided", [], "absent.json"),
}

#: verb and what else is wrong -> (arguments, what is said)
OTHERS = {
    "analyze classifier": (["analyze", *VERBS["analyze"], "ast"], "feature_selection='hidden_states'"),
    "analyze device": (["analyze", *VERBS["analyze"], "hubert", "--device", "gpu"], "expected cpu, cuda"),
    "analyze root": (["analyze", *VERBS["analyze"], "hubert", "--root", "absent"], "--root absent"),
    "analyze corpus": (["analyze", "--corpus", "dmo", *VERBS["analyze"][2:], "hubert"], "'demo'"),
    "analyze label": (["analyze", *VERBS["analyze"], "hubert", "--label", "wrod"], "word"),
    "analyze split": (["analyze", *VERBS["analyze"], "hubert", "--split", "tarin"], "train"),
    "run device": (["run", *VERBS["run"], "hubert", "--device", "cuda:99"], "--device cuda:99"),
    "run task": (["run", *VERBS["run"], "hubert", "-t", "kws"], "unknown task 'kws'; did you mean 'ks'"),
    "run corpus": (["run", *VERBS["run"], "hubert", "-t", "sid"], "set S3PRL_CONVEXPRUNE_DATA_VOXCELEB1"),
    "run corpus of an override": (
        ["run", *VERBS["run"], "hubert", "--override", "config.downstream_expert.datarc.speech_commands_root='absent'"],
        "speech_commands_root absent",
    ),
    "dry run corpus": (["run", *VERBS["run --dry-run"], "hubert", "-t", "er"], "S3PRL_CONVEXPRUNE_DATA_IEMOCAP"),
    "finetune folder": (["finetune", *VERBS["finetune"], "hubert", "--data-folder", "absent"], "--data-folder absent"),
    "finetune task": (["finetune", *VERBS["finetune"], "hubert", "-t", "kws"], "did you mean 'ks'"),
    "finetune device": (["finetune", *VERBS["finetune"], "hubert", "--device", "gpu"], "expected cpu, cuda"),
    "profile device": (["profile", *VERBS["profile"], "hubert", "--device", "gpu"], "expected cpu, cuda"),
}  # fmt: skip


@pytest.fixture(scope="module")
def ks(tmp_path_factory):
    return build("ks", tmp_path_factory.mktemp("ks"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(CASE.build(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture
def refused(ks, checkpoint, tmp_path, monkeypatch, capsys):
    configs, place = tmp_path / "configs", tmp_path / "place"
    configs.mkdir(), place.mkdir()
    (configs / "u.yaml").write_text("{name: undecided, base: hubert, select: {analysis: absent.json}}")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(configs))
    for name, value in ks.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place)

    def too_late() -> None:
        raise AssertionError("the hub was imported before the input was checked")

    monkeypatch.setattr(registry, "load_hub", too_late)

    def check(arguments: list[str]) -> str:
        given = [checkpoint if argument == "CHECKPOINT" else argument for argument in arguments]
        assert main(given) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and not list(Path.cwd().iterdir())
        return lines[0]

    return check


@pytest.mark.parametrize("wrong", UPSTREAMS)
@pytest.mark.parametrize("verb", VERBS)
def test_an_upstream_that_could_not_be_built(verb, wrong, refused):
    name, more, said = UPSTREAMS[wrong]
    assert said in refused([verb.split()[0], *VERBS[verb], name, *more])


@pytest.mark.parametrize("wrong", OTHERS)
def test_what_else_is_known_before_the_work(wrong, refused):
    arguments, said = OTHERS[wrong]
    assert said in refused(arguments)
