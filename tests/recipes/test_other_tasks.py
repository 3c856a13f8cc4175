"""SUPERB's other tasks, as far as s3prl's experts need no more than a recipe: IC, SD and QbE on a cut upstream."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests import corpora_trees

from .conftest import KEPT

CUT = f"hubert_custom_convexpruned_L{KEPT}"
RATE, FRAME = 16000, 320
ONE_STEP = {"runner.total_steps": 1, "runner.eval_step": 1, "runner.save_step": 1}


def test_intent_classification_runs_on_a_cut_upstream(run, checkpoint, monkeypatch, tmp_path, capsys):
    root = corpora_trees.fluent_commands(tmp_path / "fluent")
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


def test_diarization_scores_the_frames_that_its_segments_name(run, checkpoint, monkeypatch, tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    root = corpora_trees.libri2mix(tmp_path / "libri2mix")
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
    for recording, turns in corpora_trees.LIBRI2MIX_TURNS.items():
        with h5py.File(expdir / "scoring" / "predictions" / f"{recording}.h5") as file:
            probability = np.asarray(file["T_hat"])
        spoken = np.zeros(probability.shape, bool)
        for speaker, (begin, end) in enumerate(turns):
            spoken[round(begin * RATE / FRAME) : round(end * RATE / FRAME), speaker] = True
        truth = max(
            (spoken, spoken[:, ::-1]), key=lambda t: np.log(np.where(t, probability, 1 - probability)).sum()
        )
        predicted = probability > 0.5
        accuracies.append((predicted == truth).mean())
        said, heard, right = truth.sum(1), predicted.sum(1), (predicted & truth).sum(1)
        confused = np.minimum(said, heard) - right
        errors.append((abs(said - heard) + confused).sum() / said.sum())
    assert accuracy == pytest.approx(np.mean(accuracies), abs=1e-5)
    assert error == pytest.approx(np.mean(errors), abs=1e-5)


def test_query_by_example_cannot_tell_a_cut_from_the_same_layer_of_the_whole(
    run, checkpoint, monkeypatch, tmp_path
):
    pytest.importorskip("dtw")
    etree = pytest.importorskip("lxml.etree")
    root = corpora_trees.quesst14(tmp_path / "quesst14")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_DATA_QUESST14", str(root))
    scores = []
    for upstream in ("hubert_custom", CUT):
        expdir = tmp_path / upstream
        arguments = [
            "-u",
            upstream,
            "-k",
            str(checkpoint),
            "-l",
            str(KEPT),
            "-d",
            "quesst14_dtw",
            "-p",
            str(expdir),
        ]
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
        assert ranked[-1][1] == corpora_trees.QUESST14_ANSWERS[query]
