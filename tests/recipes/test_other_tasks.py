"""SUPERB's other tasks that need no more than a recipe, on a cut upstream: IC, SD, QbE and ASV."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from s3prl_convexprune.compat import asv_recipe, sox_effects
from s3prl_convexprune.safe_load import read_checkpoint

from . import other_corpora
from .conftest import KEPT

CUT = f"hubert_custom_convexpruned_L{KEPT}"
RATE, FRAME = 16000, 320
ONE_STEP = {"runner.total_steps": 1, "runner.eval_step": 1, "runner.save_step": 1}


def test_intent_classification_runs_on_a_cut_upstream(run, checkpoint, monkeypatch, tmp_path, capsys):
    root = other_corpora.fluent_commands(tmp_path / "fluent")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_DATA_FLUENT_COMMANDS", str(root))
    expdir = tmp_path / "exp"
    arguments = ["-m", "train", "-u", CUT, "-k", str(checkpoint)]
    workers = {"downstream_expert.datarc.num_workers": 0}
    assert run(*arguments, "-d", "fluent_commands", "-p", str(expdir), **ONE_STEP, **workers) == 0
    assert run("-m", "evaluate", "-e", str(expdir)) == 0
    truth = (expdir / "test_truth.csv").read_text().splitlines()
    predicted = (expdir / "test_predict.csv").read_text().splitlines()
    right = sum(a == b for a, b in zip(truth, predicted, strict=True)) / len(truth)
    printed = re.findall(r"test acc: ([\d.]+)", capsys.readouterr().out)
    assert float(printed[-1]) == pytest.approx(right, abs=1e-6)


@pytest.mark.skipif(sox_effects.program() is None, reason="the program sox trims ASV's silence: apt-get install sox")
def test_verification_prints_the_equal_error_rate_of_its_scores(run, checkpoint, monkeypatch, tmp_path, capsys):
    """On the CPU, which s3prl's expert does not foresee, and with two corpora that s3prl would take for one."""
    small = {
        "runner.gradient_accumulate_steps": 1,
        "downstream_expert.datarc.num_workers": 0,
        "downstream_expert.datarc.train_batch_size": 2,
        "downstream_expert.datarc.vad_config.min_sec": 8000,
        "downstream_expert.modelrc.input_dim": 32,
        "downstream_expert.modelrc.module_config.XVector.agg_dim": 32,
    }
    for name, speakers in (("one", 3), ("other", 4)):
        root = other_corpora.verification(tmp_path / name, speakers)
        monkeypatch.setenv("S3PRL_CONVEXPRUNE_DATA_VOXCELEB1", str(root))
        expdir = tmp_path / f"exp_{name}"
        arguments = ["-m", "train", "-u", CUT, "-k", str(checkpoint), "-d", "sv_voxceleb1", "-p", str(expdir)]
        assert run(*arguments, **ONE_STEP, **small) == 0
        assert read_checkpoint(expdir / "states-1.ckpt")["Downstream"]["objective.W"].shape == (32, speakers - 2)
    lengths = [torch.load(path) for path in (tmp_path / "cache").rglob(f"{asv_recipe.LENGTHS}/*.pt")]
    assert sorted(len(paths) for paths, _ in lengths) == [4, 8]

    capsys.readouterr()
    assert run("-m", "evaluate", "-e", str(expdir)) == 0
    printed = re.findall(r"test-EER: ([\d.]+)", capsys.readouterr().out)
    scores = np.array([float(line.split()[1]) for line in (expdir / "test_predict.txt").open()])
    same = np.array([line.startswith("1") for line in (root / "veri_test2.txt").open()])
    assert len(scores) == len(same) == 28
    refused, accepted = np.array(
        [((scores[same] < t).mean(), (scores[~same] >= t).mean()) for t in [*sorted(scores), np.inf]]
    ).T
    after = int(np.argmax(refused >= accepted))  # the two curves cross between this threshold and the one before
    gap = (refused - accepted)[[after - 1, after]]
    rate = np.interp(0, gap, accepted[[after - 1, after]])
    assert float(printed[-1]) == pytest.approx(rate, abs=1e-6)


def test_diarization_scores_the_frames_that_its_segments_name(run, checkpoint, monkeypatch, tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    root = other_corpora.libri2mix(tmp_path / "libri2mix")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_DATA_LIBRI2MIX", str(root))
    expdir = tmp_path / "exp"
    small = {"downstream_expert.loaderrc.num_workers": 0, "downstream_expert.modelrc.hidden_size": 8}
    arguments = ["-m", "train", "-u", CUT, "-k", str(checkpoint), "-d", "diarization", "-p", str(expdir)]
    assert run(*arguments, **ONE_STEP, **small) == 0
    capsys.readouterr()
    assert run("-m", "evaluate", "-e", str(expdir / "states-1.ckpt")) == 0
    printed = re.findall(r"mode test acc ([\d.]+) der ([\d.]+)", capsys.readouterr().out)
    accuracy, error = map(float, printed[-1])

    accuracies, errors = [], []
    for recording, turns in other_corpora.LIBRI2MIX_TURNS.items():
        with h5py.File(expdir / "scoring" / "predictions" / f"{recording}.h5") as file:
            probability = np.asarray(file["T_hat"])
        spoken = np.zeros(probability.shape, bool)
        for speaker, (begin, end) in enumerate(turns):
            spoken[round(begin * RATE / FRAME) : round(end * RATE / FRAME), speaker] = True
        truth = max((spoken, spoken[:, ::-1]), key=lambda t: np.log(np.where(t, probability, 1 - probability)).sum())
        predicted = probability > 0.5
        accuracies.append((predicted == truth).mean())
        said, heard, right = truth.sum(1), predicted.sum(1), (predicted & truth).sum(1)
        confused = np.minimum(said, heard) - right
        errors.append((abs(said - heard) + confused).sum() / said.sum())
    assert accuracy == pytest.approx(np.mean(accuracies), abs=1e-5)
    assert error == pytest.approx(np.mean(errors), abs=1e-5)


def test_query_by_example_cannot_tell_a_cut_from_the_same_layer_of_the_whole(run, checkpoint, monkeypatch, tmp_path):
    pytest.importorskip("dtw")
    etree = pytest.importorskip("lxml.etree")
    rate = 16000 if sox_effects.program() is None else 8000  # the real corpus has 8 kHz; sox makes 16 of them
    root = other_corpora.quesst14(tmp_path / "quesst14", rate)
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_DATA_QUESST14", str(root))
    scores = []
    for upstream in ("hubert_custom", CUT):
        expdir = tmp_path / upstream
        arguments = ["-u", upstream, "-k", str(checkpoint), "-l", str(KEPT), "-d", "quesst14_dtw", "-p", str(expdir)]
        workers = {"downstream_expert.datarc.num_workers": 0, "downstream_expert.max_workers": 1}
        assert run("-m", "evaluate", "-t", "dev", *arguments, **workers) == 0
        found = etree.parse(str(expdir / "benchmark.stdlist.xml"))
        scores.append(
            {
                (query.get("termid"), term.get("file")): float(term.get("score"))
                for query in found.iter("detected_termlist")
                for term in query.iter("term")
            }
        )
    whole, cut = scores
    assert whole == cut
    queries = {query for query, _ in cut}
    assert len(queries) == 2
    for query in queries:
        ranked = sorted((score, document) for (asked, document), score in cut.items() if asked == query)
        assert ranked[-1][1] == other_corpora.QUESST14_ANSWERS[query]
