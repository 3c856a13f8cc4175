"""An ONNX graph gives the states of the cut, for any length and batch; what cannot be exported says why."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.deploy import onnx_export, parity
from s3prl_convexprune.deploy.exported import read_exported
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.errors import ConfigError, InstallationError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.names import resolve
from s3prl_convexprune.verbs import export
from tests.checkpoints import CASES

from .exporter import CAN_EXPORT, LACKING
from .s3prl_experiment import NAME
from .test_transformers_folder import PUBLISHED

pytest.importorskip("onnxruntime")
if not CAN_EXPORT:
    pytest.skip(LACKING, allow_module_level=True)
LOADABLE = [name for name, case in CASES.items() if case.entry]
EXPORTED = {
    f"{family}-{variant}"
    for family in ("hubert", "wav2vec2", "wavlm", "hf_hubert", "hf_wav2vec2", "hf_wavlm")
    for variant in ("post", "pre")
} | {"data2vec-post"}
SAMPLE = ["wavlm-pre", "hf_hubert-post"]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Parity at the lengths that a tiny model takes no time for."""
    monkeypatch.setattr(onnx_export, "LENGTHS", (0.1, 1.0))


def check(name: str, folder: Path) -> None:
    registry.load_hub()
    case = CASES[name]
    ckpt = str(case.build(folder / "ckpt", **PUBLISHED.get(name, {})))
    done = export(f"{case.entry}_convexpruned_L2", folder / "out", ckpt=ckpt, format="onnx")
    assert read_exported(folder / "out") == done and len(done.parity[0].maximum) == 3
    config = registry.UpstreamConfig(name="cut", base=case.entry, layers=2)
    expert = registry.build_cut(config, ckpt=ckpt).eval()
    running = onnx_export.session(folder / "out" / "model.onnx", threads=1)
    generator = torch.Generator().manual_seed(5)
    for batch, samples in ((1, 4321), (3, 7000), (1, done.shortest)):
        wavs = 0.1 * torch.randn(batch, samples, generator=generator)
        found = running.run(None, {"wav": wavs.numpy()})[0]
        for index in range(batch):
            with torch.no_grad():
                expected = torch.cat(expert([wavs[index]])["hidden_states"]).numpy()
            np.testing.assert_allclose(found[:, index], expected, atol=1e-3 * expected.std())


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_the_graph_gives_the_states_of_the_cut(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(EXPORTED - set(SAMPLE)))
def test_every_family_that_can_be_exported(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted({*LOADABLE} - EXPORTED))
def test_every_other_family_says_why_not(name, tmp_path):
    registry.load_hub()
    ckpt = str(CASES[name].build(tmp_path / "ckpt"))
    with pytest.raises(Exception, match="cannot be exported|conformer|is never") as refused:
        export(f"{CASES[name].entry}_convexpruned_L2", tmp_path / "out", ckpt=ckpt, format="onnx")
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["ckpt"]


@pytest.mark.slow
def test_a_graph_that_differs_is_refused(with_head):
    expert = registry.build_upstream(NAME).eval()
    head = read_head(with_head / "ks", resolve(NAME)).layer

    def wrong(wav: torch.Tensor) -> np.ndarray:
        return 1.01 * parity.answer(parity.torch_states(expert, wav), "logits", head)

    rows = tuple(parity.differences(with_head / "out" / "model.onnx", wrong, "logits", (0.1,)))
    with pytest.raises(ConfigError, match=r"is not written: on 0.1 s its output 0 differs from torch's by 0\.0099"):
        parity.check_parity(NAME, rows)


@pytest.mark.long
def test_a_graph_that_differs_is_not_written(tmp_path, monkeypatch):
    exact = onnx_export.answer
    monkeypatch.setattr(onnx_export, "answer", lambda *given: exact(*given) * 1.01)
    with pytest.raises(ConfigError, match=r"is not written: on 0.1 s its output 0 differs from torch's by 0\.0099"):
        export("tiny_hubert_convexpruned_L1", tmp_path / "out", format="onnx", returns="pooled")
    assert not list(tmp_path.iterdir())


def test_without_the_extra_one_line_says_so(tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None if name == "onnxscript" else find(name))
    assert cli.main(["export", "tiny_hubert_convexpruned_L1", "--format", "onnx", "-o", str(tmp_path / "out")]) == 2
    assert "onnx needs onnxscript; pip install 's3prl-convexprune[onnx]'" in capsys.readouterr().err
    with pytest.raises(InstallationError):
        onnx_export.check_extra()
