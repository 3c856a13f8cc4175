"""A trained head travels with the graph: the logits of s3prl's own modules, with onnxruntime and numpy alone too."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.deploy import onnx_export
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.errors import AudioError, CheckpointError, ConfigError
from s3prl_convexprune.upstreams.names import resolve

from .s3prl_experiment import NAME, experiment, logits

pytest.importorskip("onnxruntime")
ALONE = """
import runpy, sys
class Only:
    def find_spec(self, name, *more):
        if name.partition(".")[0] in ("torch", "s3prl", "s3prl_convexprune", "transformers", "soundfile", "scipy"):
            raise ImportError(name)
sys.meta_path.insert(0, Only())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_the_graph_gives_the_logits_of_the_experiment(tmp_path, monkeypatch, capsys):
    if tuple(map(int, torch.__version__.split(".")[:2])) < onnx_export.OLDEST_TORCH:
        pytest.skip("this torch has no exporter for these graphs")
    monkeypatch.setattr(onnx_export, "LENGTHS", (0.1, 1.0))
    trained, out = experiment(tmp_path / "ks"), tmp_path / "out"
    assert cli.main(["export", NAME, "--format", "onnx", "--head", str(trained), "-o", str(out)]) == 0
    from s3prl_convexprune.deploy.predict import load

    wav = 0.1 * torch.randn(9000, generator=torch.Generator().manual_seed(1))
    expected = logits(trained, [wav])
    predictor = load(out)
    np.testing.assert_allclose(
        predictor.output(wav.numpy()), expected.numpy(), atol=1e-4 * float(expected.std()) + 1e-5
    )
    chances = predictor(wav.numpy())
    assert len(chances) == 12 and sum(chances.values()) == pytest.approx(1, abs=1e-5)
    with pytest.raises(AudioError, match="400 samples or more"):
        predictor(np.zeros(399))

    soundfile.write(tmp_path / "a.wav", wav.numpy(), 16000, subtype="PCM_16")
    soundfile.write(tmp_path / "short.wav", wav.numpy()[:300], 16000, subtype="PCM_16")
    capsys.readouterr()
    assert cli.main(["predict", str(out), str(tmp_path / "a.wav")]) == 0
    said = capsys.readouterr().out
    run = [sys.executable, "-c", ALONE, str(out / "run.py")]
    alone = subprocess.run([*run, str(tmp_path / "a.wav")], capture_output=True, text=True)
    assert alone.returncode == 0 and alone.stdout == said, alone.stderr
    short = subprocess.run([*run, str(tmp_path / "short.wav")], capture_output=True, text=True)
    assert short.returncode == 1 and short.stderr.splitlines() == [
        f"run.py: error: {tmp_path / 'short.wav'}: has 300 samples, expected 400 or more"
    ]
    assert len((out / "run.py").read_text().splitlines()) <= 60


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"upstream": "tiny_hubert"}, "was trained on tiny_hubert, not on"),
        ({"states": 13}, "weighs 13 hidden states; tiny_hubert_convexpruned_L1 has 2"),
        ({"downstream": "asr"}, "a head of asr does not travel"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(wrong, says, tmp_path):
    with pytest.raises(ConfigError, match=says):
        read_head(experiment(tmp_path / "ks", **wrong), resolve(NAME))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="expected the folder of an s3prl experiment"):
        read_head(tmp_path, resolve(NAME))
