"""Convexity after fine-tuning: the run's own weights are measured, and the artifact says so."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch

from s3prl_convexprune.analysis.analyze import analyze, open_corpus
from s3prl_convexprune.analysis.published import published_for
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import CheckpointError, ConfigError
from s3prl_convexprune.upstreams.finetuned import find_run, load_finetuned
from s3prl_convexprune.upstreams.registry import build_upstream
from tests.speechbrain.conftest import CUT


def test_both_labels_are_measured_on_the_runs_own_weights(finetuned, corpora, checkpoint, tmp_path):
    run = finetuned
    ckpt, root = checkpoint("hubert-post"), corpora["ks"]
    given = ["analyze", "-u", CUT, "-k", ckpt, "--corpus", "speech_commands", "--label", "word", "--root", str(root)]
    assert main([*given, "--neighbors", "4", "-o", str(tmp_path / "word.json"), "--weights", str(run)]) == 0
    after = {"word": Analysis.read(tmp_path / "word.json")}

    def measure(label, weights):
        rows = open_corpus("speech_commands", label, root)
        output = tmp_path / f"{label}_{weights is not None}.json"
        return analyze(
            CUT, rows, label, output, ckpt=ckpt, weights=weights, neighbors=4, corpus_name="speech_commands",
            progress=False,
        )  # fmt: skip

    after["speaker"], before = measure("speaker", run), measure("word", None)
    for label, analysis in after.items():
        tuned = analysis.checkpoint.finetuned
        assert (tuned.run, tuned.task, tuned.seed) == (str(run), "ks", 3)
        assert (run / "save" / tuned.checkpoint / "lobe.ckpt").is_file()
        assert analysis.title == f"{CUT} after ks: {label}" and published_for(analysis) is None
        assert analysis.checkpoint.weights_sha256 == after["word"].checkpoint.weights_sha256
    assert before.checkpoint.weights_sha256 != after["word"].checkpoint.weights_sha256
    assert before.checkpoint.finetuned is None and before.corpus == after["word"].corpus
    assert [row.layer for row in before.layers] == [row.layer for row in after["word"].layers] == [0, 1, 2]

    expert, pretrained = build_upstream(CUT, ckpt=ckpt), build_upstream(CUT, ckpt=ckpt).state_dict()
    load_finetuned(expert, CUT, find_run(run))
    lobe = torch.load(find_run(run).checkpoint / "lobe.ckpt", weights_only=True)
    assert all(torch.equal(value, lobe[f"upstream.{key}"]) for key, value in expert.state_dict().items())
    assert any(not torch.equal(value, pretrained[key]) for key, value in expert.state_dict().items())


def test_the_checkpoint_that_was_tested_is_taken(finetuned, tmp_path):
    folder = shutil.copytree(finetuned, tmp_path / "run")
    best = find_run(folder).checkpoint
    other = shutil.copytree(best, best.with_name("CKPT+later"))
    meta = (other / "CKPT.yaml").read_text().replace("unixtime: ", "unixtime: 9")
    (other / "CKPT.yaml").write_text(meta.replace("error_rate: ", "error_rate: 9"))
    assert find_run(folder).checkpoint == best
    (other / "CKPT.yaml").write_text(meta.replace("error_rate: ", "error_rate: -9"))
    assert find_run(folder).checkpoint == other


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


DAMAGE = {
    "not finished": (lambda run: (run / "record.json").unlink(), CheckpointError, "not the folder of a finished"),
    "no checkpoint": (lambda run: shutil.rmtree(run / "save"), CheckpointError, "no checkpoint under save/"),
    "not a record": (lambda run: (run / "record.json").write_text("{}"), CheckpointError, "not the record"),
    "meta with code": (
        lambda run: next(run.glob("save/*/CKPT.yaml")).write_text("!!python/object/apply:os.mkdir [ran]"),
        CheckpointError,
        "cannot be read",
    ),
    "another upstream": (lambda run: _record(run, upstream="hubert"), ConfigError, "give -u hubert"),
    "pickled code": (lambda run: _lobe(run, lambda states: Evil()), CheckpointError, "pickled code"),
    "a tensor less": (
        lambda run: _lobe(run, lambda states: dict(list(states.items())[1:])),
        CheckpointError,
        f"which {CUT} has",
    ),
    "a layer more": (
        lambda run: _lobe(run, lambda states: {**states, "upstream.more": torch.ones(1)}),
        CheckpointError,
        "has more, which",
    ),
    "NaN": (
        lambda run: _lobe(run, lambda states: {key: value * float("nan") for key, value in states.items()}),
        CheckpointError,
        "NaN or infinity",
    ),
}


def _record(run, **changed):
    content = json.loads((run / "record.json").read_text())
    (run / "record.json").write_text(json.dumps({**content, **changed}))


def _lobe(run, change):
    for path in run.glob("save/*/lobe.ckpt"):
        torch.save(change(torch.load(path, weights_only=True)), path)


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_refused(case, finetuned, checkpoint, tmp_path, monkeypatch):
    damage, kind, reason = DAMAGE[case]
    folder = shutil.copytree(finetuned, tmp_path / "run")
    damage(folder)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=reason) as caught:
        load_finetuned(build_upstream(CUT, ckpt=checkpoint("hubert-post")), CUT, find_run(folder))
    assert "\n" not in str(caught.value) and not (tmp_path / "ran").exists()
