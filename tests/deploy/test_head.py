"""A trained head travels with the graph: the logits of s3prl's own modules, with onnxruntime and numpy alone too."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.deploy import onnx_export
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.errors import AudioError, CheckpointError, ConfigError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.names import resolve

pytest.importorskip("onnxruntime")
NAME = "tiny_hubert_convexpruned_L1"
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


def experiment(folder: Path, *, upstream: str = NAME, states: int = 2, downstream: str = "speech_commands") -> Path:
    """What s3prl leaves of a KS training, with random weights; the head's modules are s3prl's own."""
    registry.load_hub()
    from s3prl.downstream.model import UtteranceLevel

    torch.manual_seed(0)
    projector, model = torch.nn.Linear(128, 256), UtteranceLevel(256, 12)
    held = {f"projector.{key}": value for key, value in projector.state_dict().items()}
    held |= {f"model.{key}": value for key, value in model.state_dict().items()}
    args = Namespace(
        upstream=upstream,
        downstream=downstream,
        upstream_feature_selection="hidden_states",
        upstream_feature_normalize=False,
    )
    folder.mkdir()
    config = {"downstream_expert": {"datarc": {}}}
    content = {"Args": args, "Config": config, "Downstream": held, "Featurizer": {"weights": torch.randn(states)}}
    torch.save(content, folder / "dev-best.ckpt")
    return folder


@pytest.mark.slow
def test_the_graph_gives_the_logits_of_the_experiment(tmp_path, monkeypatch, capsys):
    if tuple(map(int, torch.__version__.split(".")[:2])) < onnx_export.OLDEST_TORCH:
        pytest.skip("this torch has no exporter for these graphs")
    monkeypatch.setattr(onnx_export, "LENGTHS", (0.1, 1.0))
    trained, out = experiment(tmp_path / "ks"), tmp_path / "out"
    assert cli.main(["export", NAME, "--format", "onnx", "--head", str(trained), "-o", str(out)]) == 0
    from s3prl.downstream.model import UtteranceLevel
    from s3prl.upstream.interfaces import Featurizer

    from s3prl_convexprune.deploy.predict import load

    content = torch.load(trained / "dev-best.ckpt", weights_only=False)
    upstream = registry.build_upstream(NAME).eval()
    featurizer = Featurizer(upstream, upstream_device="cpu")
    featurizer.load_state_dict(content["Featurizer"])
    projector, model = torch.nn.Linear(128, 256), UtteranceLevel(256, 12)
    parts = {"projector": projector, "model": model}
    for name, part in parts.items():
        held = content["Downstream"].items()
        part.load_state_dict({key[len(name) + 1 :]: value for key, value in held if key.startswith(f"{name}.")})
    wav = 0.1 * torch.randn(9000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        feature = torch.stack(featurizer([wav], upstream([wav])))
        logits, _ = model(projector(feature), torch.tensor([feature.shape[1]]))
    predictor = load(out)
    np.testing.assert_allclose(predictor.output(wav.numpy()), logits.numpy(), atol=1e-4 * float(logits.std()) + 1e-5)
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
