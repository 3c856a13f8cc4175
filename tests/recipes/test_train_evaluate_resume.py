"""ASR, SID, KS and ER through s3prl's own runner: train, evaluate, resume, on whole and cut upstreams."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from s3prl_convexprune.corpora.prepare import prepare
from s3prl_convexprune.safe_load import read_checkpoint
from tests import tiny_corpora

from .conftest import KEPT, LAYERS

UPSTREAMS = {"hubert_custom": LAYERS, f"hubert_custom_convexpruned_L{KEPT}": KEPT}


@dataclass(frozen=True)
class Case:
    """A task as the tests run it: only what a tiny corpus forces differs from the recipe."""

    downstream: str
    build: Callable[[Path], Path]
    overrides: tuple[str, ...]
    split: str = "test"
    dev: str = "dev"
    truth: str = "test_truth.txt"
    predicted: str = "test_predict.txt"


CASES = {
    "ks": Case("speech_commands", tiny_corpora.speech_commands_archives, ("datarc.batch_size=8",)),
    "sid": Case("voxceleb1", tiny_corpora.voxceleb1, ("datarc.train_batch_size=4",)),
    "er": Case(
        "emotion",
        functools.partial(tiny_corpora.iemocap, emotions=("neu", "exc", "ang", "sad")),
        (),
        truth="test_fold1_truth.txt",
        predicted="test_fold1_predict.txt",
    ),
    "asr": Case(
        "asr",
        tiny_corpora.librispeech,
        ("datarc.batch_size=2", "modelrc.project_dim=16", "modelrc.RNNs.dim=[16, 16]"),
        "test-clean",
        "dev-clean",
        "test-clean-noLM-ref.ark",
        "test-clean-noLM-hyp.ark",
    ),
}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Every corpus, prepared: task -> the variables that `prepare` tells a user to export."""
    return {task: prepare(task, case.build(tmp_path_factory.mktemp(task))).variables for task, case in CASES.items()}


@pytest.fixture(autouse=True)
def given(corpora, monkeypatch):
    """Every corpus's variables, exported."""
    for variables in corpora.values():
        for name, value in variables.items():
            monkeypatch.setenv(name, value)


def train(run, task: str, upstream: str, checkpoint: Path, expdir: Path, steps: int, *more: str, **overrides):
    case = CASES[task]
    small = dict(override.split("=") for override in case.overrides)
    settings = {
        "runner.total_steps": steps,
        "runner.eval_step": steps,
        "runner.save_step": steps,
        "runner.log_step": 1,
        "runner.gradient_accumulate_steps": 1,
        "downstream_expert.datarc.num_workers": 0,
        **{f"downstream_expert.{key}": value for key, value in small.items()},
        **overrides,
    }
    arguments = ["-m", "train", "-u", upstream, "-k", str(checkpoint), "-d", case.downstream, "-p", str(expdir)]
    assert run(*arguments, *more, **settings) == 0
    return read_checkpoint(expdir / f"states-{steps}.ckpt")


def score(expdir: Path, case: Case) -> float:
    """Accuracy, or the word error rate for ASR, from the files that the expert leaves."""
    truth = [line.split()[1:] for line in (expdir / case.truth).read_text().splitlines()]
    predicted = [line.split()[1:] for line in (expdir / case.predicted).read_text().splitlines()]
    if case.downstream == "asr":
        import editdistance

        errors = sum(editdistance.eval(hyp, ref) for hyp, ref in zip(predicted, truth, strict=True))
        return 100 * errors / sum(map(len, truth))
    return sum(a == b for a, b in zip(truth, predicted, strict=True)) / len(truth)


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("task", CASES)
def test_train_resume_evaluate(run, checkpoint, tmp_path, capsys, task, upstream):
    case, expdir = CASES[task], tmp_path / "exp"
    first = train(run, task, upstream, checkpoint, expdir, 2)
    assert first["Step"] == 2
    assert first["Featurizer"]["weights"].shape == (UPSTREAMS[upstream] + 1,)
    assert first["Config"]["optimizer"]["lr"] == 1e-4

    continued = {"runner.total_steps": 3, "runner.eval_step": 3, "runner.save_step": 3}
    assert run("-m", "train", "-e", str(expdir), **continued) == 0
    second = read_checkpoint(expdir / "states-3.ckpt")
    assert second["Step"] == 3
    assert {int(state["step"]) for state in second["Optimizer"]["state"].values()} == {3}
    assert any(not torch.equal(first["Downstream"][name], second["Downstream"][name]) for name in first["Downstream"])

    capsys.readouterr()
    best = expdir / f"{case.dev}-best.ckpt"
    tested = best if best.is_file() else expdir / "states-3.ckpt"
    assert run("-m", "evaluate", "-t", case.split, "-e", str(tested)) == 0
    printed = re.findall(rf"{case.split} (?:acc|wer): ([\d.]+)", capsys.readouterr().out)
    assert float(printed[-1]) == pytest.approx(score(expdir, case), abs=1e-6)


def test_the_recipe_cannot_tell_a_cut_upstream_from_the_same_layer_of_the_whole(run, checkpoint, tmp_path):
    states = [
        train(run, "er", upstream, checkpoint, tmp_path / str(layers), 2, "-l", str(KEPT))
        for upstream, layers in UPSTREAMS.items()
    ]
    whole, cut = (state["Downstream"] for state in states)
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


@pytest.mark.parametrize("fold", range(1, 6))
def test_er_fold_tests_its_own_session(run, checkpoint, tmp_path, fold):
    overrides = {"downstream_expert.datarc.test_fold": f"'fold{fold}'"}
    upstream = f"hubert_custom_convexpruned_L{KEPT}"
    train(run, "er", upstream, checkpoint, tmp_path / "exp", 1, **overrides)
    test = (tmp_path / "exp" / f"test_fold{fold}_truth.txt").read_text().splitlines()
    dev = (tmp_path / "exp" / f"dev_fold{fold}_truth.txt").read_text().splitlines()
    assert {line[:5] for line in test} == {f"Ses0{fold}"}
    assert len(test) == 16
    assert f"Ses0{fold}" not in {line[:5] for line in dev}
    assert len(dev) == 13  # a fifth of the 64 utterances of the other sessions, as s3prl rounds


def test_er_seed_changes_nothing_before_the_first_evaluation(run, checkpoint, tmp_path):
    upstream = f"hubert_custom_convexpruned_L{KEPT}"
    first, second = (
        train(run, "er", upstream, checkpoint, tmp_path / seed, 2, "--seed", seed)["Downstream"] for seed in ("1", "2")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("downstream", "variable"),
    [
        ("asr", "S3PRL_CONVEXPRUNE_DATA_LIBRISPEECH"),
        ("voxceleb1", "S3PRL_CONVEXPRUNE_DATA_VOXCELEB1"),
        ("speech_commands", "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS_TEST"),
        ("emotion", "S3PRL_CONVEXPRUNE_DATA_IEMOCAP"),
        ("diarization", "S3PRL_CONVEXPRUNE_DATA_LIBRI2MIX"),
        ("fluent_commands", "S3PRL_CONVEXPRUNE_DATA_FLUENT_COMMANDS"),
    ],
)
def test_a_corpus_that_is_not_given_is_asked_for(run, monkeypatch, capsys, downstream, variable):
    monkeypatch.delenv(variable, raising=False)
    assert run("-m", "train", "-u", "fbank", "-d", downstream, "-p", "exp") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("s3prl-convexprune: error: ") and variable in error


@pytest.mark.parametrize(("task", "made"), [("asr", "len_for_bucket"), ("sid", "veri_test_class"), ("er", "meta_data")])
def test_an_unprepared_corpus_names_the_command(run, monkeypatch, capsys, tmp_path, task, made):
    root = CASES[task].build(tmp_path / "raw")
    variable = next(iter(prepare(task, root, tmp_path / "made").variables))
    monkeypatch.setenv(variable, str(root))
    arguments = ("-m", "train", "-u", "fbank", "-d", CASES[task].downstream, "-p", "exp")
    assert run(*arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert made in error and f"s3prl-convexprune prepare {task}" in error


def test_files_prepared_elsewhere_are_found(run, checkpoint, monkeypatch, tmp_path):
    root = CASES["sid"].build(tmp_path / "raw")
    for name, value in prepare("sid", root, tmp_path / "made").variables.items():
        monkeypatch.setenv(name, value)
    state = train(run, "sid", f"hubert_custom_convexpruned_L{KEPT}", checkpoint, tmp_path / "exp", 1)
    datarc = state["Config"]["downstream_expert"]["datarc"]
    assert datarc["meta_data"] == str(tmp_path / "made" / "veri_test_class.txt")
    assert datarc["file_path"] == str(root)


def test_an_upstream_that_cannot_be_fetched_is_one_line(run, monkeypatch, capsys, tmp_path):
    from s3prl.util import download

    monkeypatch.setattr(download, "_download_dir", tmp_path)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    assert run("-m", "train", "-u", "hubert", "-d", "emotion", "-p", "exp") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("s3prl-convexprune: error: https://huggingface.co/") and "-k" in error
