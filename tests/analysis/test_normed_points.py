"""Where only the last state passes a LayerNorm, the other states' points behind it are kept beside their own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune import analyze
from s3prl_convexprune.analysis.kept_points import KeptPoints, points_path
from s3prl_convexprune.upstreams.attributes import get
from s3prl_convexprune.upstreams.families import family_of
from s3prl_convexprune.upstreams.registry import build_upstream
from tests.checkpoints import CASES

SECONDS = (0.5, 0.7, 0.6, 0.9)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two words, four utterances of unequal length each."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    for word in ("no", "yes"):
        for number, seconds in enumerate(SECONDS):
            name = f"{word}{number}.wav"
            soundfile.write(folder / name, 0.1 * rng.standard_normal(round(16000 * seconds)), 16000, subtype="FLOAT")
            rows.append({"path": name, "word": word, "speaker": f"s{number}"})
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "manifest.csv"


@pytest.mark.parametrize(
    ("case", "final_norm"), [("hf_whisper-pre", "keep"), ("wavlm-pre", "drop"), ("hf_hubert-post", None)]
)
def test_they_are_means_of_normed_frames(case: str, final_norm: str | None, manifest: Path, tmp_path: Path) -> None:
    ckpt = str(CASES[case].build(tmp_path / "ckpt"))
    given = {"ckpt": ckpt, "neighbors": 3, "progress": False}
    analyze(CASES[case].entry, str(manifest), "word", tmp_path / "kept.json", keep_points=True, **given)
    kept = KeptPoints.read(points_path(tmp_path / "kept.json"))
    assert (kept.final_norm, len(kept.normed)) == (final_norm, len(kept.states) if final_norm else 0)

    analyze(CASES[case].entry, str(manifest), "word", tmp_path / "plain.json", **given)
    plain, with_points = (json.loads((tmp_path / name).read_text()) for name in ("plain.json", "kept.json"))
    assert plain["layers"] == with_points["layers"] and len(plain["layers"]) == len(kept.states)

    expert = build_upstream(CASES[case].entry, ckpt=ckpt).eval()
    norm = get(expert, family_of(expert).final_norm) if final_norm else None
    for row, file in enumerate(kept.columns["file"]):
        with torch.inference_mode():
            wav = torch.from_numpy(soundfile.read(file, dtype="float32")[0])
            *below, last = expert([wav])["hidden_states"]
            for depth, state in enumerate([norm(state) for state in below] + [last] if norm else ()):
                np.testing.assert_allclose(kept.normed[depth][row], state[0].mean(dim=0), atol=2e-4)
