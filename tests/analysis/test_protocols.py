"""The paper's protocol: its points and its mean against the authors' package, and what it changes."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import soundfile
import torch
from nnconvexity.graph import compute_graph_convexity as reference

from s3prl_convexprune import compat
from s3prl_convexprune.analysis.analyze import analyze
from s3prl_convexprune.analysis.protocols import PROTOCOLS, protocol_difference
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.cli.analyze import add_arguments
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import ConfigError, CorpusError

compat.apply()

from s3prl_convexprune.upstreams.registry import build_upstream  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402

CASE = CASES["hubert-post"]
LENGTHS = (8000, 16000, 17000, 12345)


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory):
    return str(CASE.build(tmp_path_factory.mktemp("ckpt")))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two words of 12 takes, shorter than, as long as and longer than a second."""
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    rows = []
    for number, word in enumerate(("yes", "no")):
        for take in range(12):
            time = np.arange(LENGTHS[take % 4]) / 16_000
            wav = 0.1 * np.sin(2 * np.pi * 300 * (1 + number) * time) + 0.2 * rng.standard_normal(len(time))
            soundfile.write(folder / f"{word}{take}.wav", wav, 16_000)
            rows.append(Utterance(folder / f"{word}{take}.wav", {"word": word}))
    manifest = "".join(f"{row.path.name},{row.labels['word']}\n" for row in rows)
    (folder / "manifest.csv").write_text("path,word\n" + manifest)
    return rows


@pytest.fixture(scope="module")
def analyses(ckpt, corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("analyses")
    return {
        name: analyze(CASE.entry, corpus, "word", folder / f"{name}.json", ckpt=ckpt, neighbors=4, protocol=name)
        for name in PROTOCOLS
    }, folder


def test_points_are_means_over_all_frames_of_a_second_and_the_mean_is_over_pairs(analyses, ckpt, corpus):
    """132 pairs a class: fewer than 5000, so the package draws them all too."""
    paper = analyses[0]["paper"]
    expert = build_upstream(CASE.entry, ckpt=ckpt).eval()
    wavs = [torch.from_numpy(soundfile.read(row.path, dtype="float32")[0])[:16_000] for row in corpus]
    wavs = [torch.nn.functional.pad(wav, (0, 16_000 - len(wav))) for wav in wavs]
    with torch.no_grad():
        states = [torch.cat(parts) for parts in zip(*(expert([wav])["hidden_states"] for wav in wavs), strict=True)]
    classes = np.array([("yes", "no").index(row.labels["word"]) for row in corpus])
    for (layer, score, _), state in zip(paper.curve(), states, strict=True):
        mean, _ = reference(state.mean(dim=1).numpy(), classes, n_neighbors=4, n_parallel=1)
        assert score == paper.layers[layer].capped_convexity == pytest.approx(mean, abs=0.02)


def test_the_artifact_states_what_the_protocol_fixes(analyses):
    settings = {name: analysis.settings for name, analysis in analyses[0].items()}
    paper = settings["paper"]
    assert (paper.protocol, paper.samples, paper.pairs_a_class) == ("paper", 16_000, 5000)
    assert "approximate" in paper.neighbor_search and "padded" in paper.pooling and "seeded" in paper.aggregate
    assert (settings["exact"].protocol, settings["exact"].samples) == ("exact", None)
    assert paper.key != settings["exact"].key
    assert {name: analysis.corpus.cut for name, analysis in analyses[0].items()} == {"exact": 0, "paper": 6}
    assert Analysis.read(analyses[1] / "paper.json") == analyses[0]["paper"]


def test_the_difference_is_what_lies_between_the_two(analyses):
    paper, exact = analyses[0]["paper"], analyses[0]["exact"]
    difference = protocol_difference(paper, exact)
    gaps = [one - two for (_, one, _), (_, two, _) in zip(paper.curve(), exact.curve(), strict=True)]
    change, layer = difference.largest
    assert change == gaps[layer] and abs(change) == max(map(abs, gaps)) > 0
    assert len(difference.table().splitlines()) == len(gaps) + 2
    alone = protocol_difference(paper)
    assert alone.exact == tuple(row.convexity for row in paper.layers)
    for wrong in ((exact, paper), (paper, paper)):
        with pytest.raises(ConfigError, match="protocol"):
            protocol_difference(*wrong)


def test_the_command_prints_it(analyses, ckpt, corpus, capsys, caplog):
    folder, manifest = analyses[1], corpus[0].path.with_name("manifest.csv")
    given = ["analyze", "-u", CASE.entry, "-k", ckpt, "--corpus", str(manifest), "--label", "word"]
    given += ["--neighbors", "4", "-o", str(folder / "again.json"), "--protocol", "paper"]
    assert main([*given, "--exact", str(folder / "exact.json")]) == 0
    printed = capsys.readouterr().out
    assert "drawing at most 5000 pairs a class" in printed
    assert protocol_difference(analyses[0]["paper"], analyses[0]["exact"]).table() in printed
    assert "6 of 24 files are longer than 16000 samples and are cut there" in caplog.text
    assert main([*given[:-2], "--exact", str(folder / "exact.json")]) == 2
    assert "--exact goes with --protocol paper" in capsys.readouterr().err


def test_segments_are_refused(ckpt, corpus, tmp_path):
    segments = [Utterance(row.path, row.labels, 0.0, 0.3) for row in corpus]
    with pytest.raises(CorpusError, match="cut into segments"):
        analyze(CASE.entry, segments, "word", tmp_path / "x.json", ckpt=ckpt, neighbors=4, protocol="paper")


def test_the_command_takes_the_protocols_that_there_are():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    choices = next(action.choices for action in parser._actions if action.dest == "protocol")
    assert tuple(choices) == tuple(PROTOCOLS)
    with pytest.raises(ConfigError, match="did you mean 'paper'"):
        analyze("hubert", [], "word", "x.json", protocol="papre")
