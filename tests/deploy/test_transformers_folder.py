"""A cut in transformers' format: plain transformers loads it and gives the cut's states; its card says what it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.deploy.card import UNKNOWN, Card, licence_of, read_scores
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.verbs import export
from tests.analysis.test_select import analysis
from tests.checkpoints import CASES
from tests.results.finished_cells import small_grid

#: data2vec as it is published: a LayerNorm a convolution, five position convolutions.
PUBLISHED = {"data2vec-post": {"extractor_mode": "layer_norm", "pos_conv_depth": 5, "conv_pos": 19}}
NARROW = {"conv_feature_layers": "[(16,10,5)] + [(16,3,2)] * 4 + [(16,2,2)] * 2"}
NAMES = [
    "hubert-post",
    "hubert-pre",
    "wav2vec2-post",
    "wav2vec2-pre",
    "wavlm-post",
    "wavlm-pre",
    "data2vec-post",
    "hf_wavlm-pre",
]
#: A process that has plain transformers alone: folder, audio and output, a line each; it answers with a line.
PLAIN = """
import sys
import torch
from transformers import AutoFeatureExtractor, AutoModel
for line in sys.stdin:
    folder, wav, output = line.rstrip("\\n").split("\\t")
    extractor, model = AutoFeatureExtractor.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    assert not [name for name in sys.modules if name.startswith(("s3prl_convexprune.upstreams", "s3prl."))]
    with torch.no_grad():
        heard = extractor(torch.load(wav).numpy(), sampling_rate=16000, return_tensors="pt")
        states = model(**heard, output_hidden_states=True)
    torch.save([state.clone() for state in (*states.hidden_states[:-1], states.last_hidden_state)], output)
    print("done", flush=True)
"""


def build(name: str, folder: Path, **sizes: object) -> tuple[str, str]:
    registry.load_hub()
    case = CASES[name]
    ckpt = case.build(folder, **{**PUBLISHED.get(name, {}), **sizes})
    return f"{case.entry}_convexpruned_L2", str(ckpt)


@pytest.fixture(scope="module")
def plain() -> Iterator[Callable[..., None]]:
    """Load a folder in the process with plain transformers, and keep the states that it gives for the audio."""
    command = [sys.executable, "-W", "ignore", "-c", PLAIN]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")
    assert process.stdin is not None and process.stdout is not None

    def run(*paths: Path) -> None:
        process.stdin.write("\t".join(map(str, paths)) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    yield run
    process.stdin.close()
    process.wait()


@pytest.mark.parametrize("name, sizes", [*((name, {}) for name in NAMES), ("hubert-post", NARROW)])
def test_transformers_gives_the_states_of_the_cut(name, sizes, plain, tmp_path):
    cut, ckpt = build(name, tmp_path / "ckpt", **sizes)
    done = export(cut, tmp_path / "out", ckpt=ckpt, final_norm="keep", format="hf")
    assert (done.layers, done.whole) == (2, 4)
    assert {path.name for path in tmp_path.iterdir()} == {"ckpt", "out"}
    wav = 0.1 * torch.randn(12000, generator=torch.Generator().manual_seed(3))
    torch.save(wav, tmp_path / "wav.pt")
    plain(tmp_path / "out", tmp_path / "wav.pt", tmp_path / "states.pt")
    config = registry.UpstreamConfig(name="cut", base=CASES[name].entry, layers=2, final_norm="keep")
    with torch.no_grad():
        expected = registry.build_cut(config, ckpt=ckpt).eval()([wav])["hidden_states"]
    for ours, theirs in zip(expected, torch.load(tmp_path / "states.pt"), strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-3, atol=1e-3 * float(ours.std()))


@pytest.mark.parametrize(
    "name, reason",
    [
        ("data2vec-pre", "pre-norm"),
        ("unispeech_sat-post", "written for hubert, wav2vec2, wavlm, data2vec"),
        ("wav2vec2-conformer_rel", "conformer"),
        ("mockingjay-post", "this is a mockingjay"),
        ("hubert-pre", "final_norm 'keep'"),
    ],
)
def test_what_transformers_does_not_have_is_refused(name, reason, tmp_path, capsys):
    cut, ckpt = build(name, tmp_path / "ckpt")
    keep = [] if name == "hubert-pre" else ["--final-norm", "keep"]
    assert cli.main(["export", cut, "-k", ckpt, "-o", str(tmp_path / "out"), "--format", "hf", *keep]) == 2
    assert reason in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"ckpt"}


def test_the_card_says_what_it_is_and_why(tmp_path):
    measured = analysis([60, 80, 70])
    measured.write(tmp_path / "analysis.json")
    (tmp_path / "cut.yaml").write_text(
        "{name: mine, base: tiny_hubert, layers: 2, provenance: {policy: argmax, label: word}}"
    )
    registry.load_hub()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
        with pytest.raises(Exception, match=f"is about {measured.upstream}; this is a cut of tiny_hubert"):
            export("mine", tmp_path / "out", format="hf", analysis=tmp_path / "analysis.json")
        export("mine", tmp_path / "out", format="hf")
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\nlibrary_name: transformers")
    for part in ("first 2 of 12", "`tiny_hubert`", "- policy: argmax", "dorszewski2024convexity"):
        assert part in card, part


@pytest.mark.parametrize(
    ("base", "licence"),
    [
        ("hubert", "mit"),
        ("wav2vec2_large_960", "mit"),
        ("wavlm_base_plus", "cc-by-sa-3.0"),
        ("hubert_base_robust_mgr", "unknown"),
        ("wav2vec2_large_voxpopuli_100k", "unknown"),
        ("wav2vec2_base_s2st_es_voxpopuli", "unknown"),
        ("xls_r_1b", "unknown"),
    ],
)
def test_a_licence_is_stated_of_exactly_the_weights_that_have_it(base, licence):
    assert licence_of(base, None, True)[0] == licence
    assert licence_of(base, None, False) == UNKNOWN


def test_what_others_wrote_stays_text_on_the_card():
    measured = analysis([60, 80, 70])
    corpus = replace(measured.corpus, name="mine\n# Free <b>money</b>")
    rows = tuple(replace(row, sem=None, influence=()) for row in measured.layers)
    said = {"by": "hand\n\n## Licence\n[click](http://x)"}
    card = Card("mine", "hubert", 2, 3, ("mit\n# x", "its card"), "", provenance=said)
    text = replace(card, analysis=replace(measured, corpus=corpus, layers=rows)).markdown()
    assert "- by: hand ## Licence \\[click\\](http://x)\n" in text
    assert r"on mine # Free \<b\>money\</b\> (" in text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["# mine", "## Why this depth", "## Scores", "## Licence of the base", "## Citing"]
    assert "nan" not in text and "| 60.00 |" in text


def test_the_best_score_on_a_card_is_the_best_of_its_rows(tmp_path):
    small_grid(tmp_path, seeds=(1,))
    text = read_scores([tmp_path], "tiny_convexpruned_L10", "tiny")
    assert text is not None and "tiny_convexpruned_L2" not in text
    assert [text.count(mark) for mark in ("| **", "| _")] == [2, 2]


def test_an_option_of_the_other_format_is_refused(tmp_path, capsys):
    assert cli.main(["export", "tiny_hubert_convexpruned_L2", "-o", "x", "--push-to-hub", "me/cut"]) == 2
    assert "--push-to-hub goes with --format hf" in capsys.readouterr().err
