"""A cut as an ONNX graph, held to torch before it is written."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..artifact import FineTuned
from ..errors import ConfigError, InstallationError
from ..progress import say
from ..sampling import SAMPLE_RATE
from ..upstreams.config import UpstreamConfig
from ..upstreams.finetuned import load_finetuned
from ..upstreams.names import chosen_layers
from ..upstreams.registry import build_cut
from ..versions import package_versions
from .exported import FACTS, GRAPH, RETURNS, RUN, Exported, Quantised
from .graph import DeviceModel, device_model, shortest_input
from .head import Head
from .heads import read_head
from .loss import Recordings, measure_loss, read_recordings
from .parity import LENGTHS, TOLERANCE, answer, check_parity, differences, session, torch_states
from .place import check_new, new_folder
from .quantise import block_of, check_runtime, quantise, without_states
from .recurrent_head import translations

OPSET = 20  # the first with GELU as one operation
OLDEST_TORCH = (2, 6)
NEEDED = ("onnx", "onnxscript", "onnxruntime")


def check_extra(needed: Sequence[str] = NEEDED) -> None:
    """Refuse where the extra `onnx` is not installed.

    Raises:
        InstallationError: with the command that installs it; or torch is too old to export such graphs.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise InstallationError(f"onnx needs {', '.join(missing)}; pip install 's3prl-convexprune[onnx]'")
    if tuple(map(int, torch.__version__.split(".")[:2])) < OLDEST_TORCH:
        raise InstallationError(
            f"export --format onnx needs torch {'.'.join(map(str, OLDEST_TORCH))} or newer; this is {torch.__version__}"
        )


def export_to_onnx(
    config: UpstreamConfig,
    out: str | Path,
    *,
    ckpt: str | None = None,
    returns: str = "states",
    head: str | Path | None = None,
    int8: bool = False,
    measure: str | Path | None = None,
) -> Exported:
    """Write a cut as a folder with an ONNX graph and `export.json`, which says how far it is from torch.

    The graph takes ``wav`` `[batch, samples]`, 16 kHz; utterances of a batch are of one length.

    Args:
        config: the cut.
        out: the new folder.
        ckpt: the whole upstream's checkpoint; goes before the config's own.
        returns: ``"states"``, ``"last"`` or ``"pooled"``, see `exported.Exported`; with a head, logits.
        head: the s3prl experiment, or finished SpeechBrain run, whose trained head travels along; with a run, the
            upstream has the weights that it ended with.
        int8: quantise it; what that costs is measured and stands in `export.json`.
        measure: a manifest on whose recordings that is measured too, the head's score with it.

    Raises:
        InstallationError: the extra `onnx` is not installed.
        ConfigError: the head does not fit, the family cannot be exported, or the graph gives other states than torch;
            it is not written then.
        CheckpointError: the checkpoint cannot be read.
        OutputError: `out` cannot be written.
    """
    check_extra()
    if int8:
        check_runtime()
    if returns not in RETURNS:
        raise ConfigError(f"--returns {returns}: expected one of {', '.join(RETURNS)}")
    layers = chosen_layers(config)
    out = check_new(out, lambda there: (there / FACTS).is_file())
    trained = None if head is None else read_head(head, config, ckpt)
    recordings = None if measure is None else read_recordings(measure, trained)
    expert = build_cut(config, ckpt=ckpt).eval()
    returns = returns if trained is None else trained.returns
    layer, run = (None, None) if trained is None else (trained.layer, trained.run)
    if run is not None:
        load_finetuned(expert, run.upstream, run)
    traced = layer if trained is None else trained.traced or layer
    model = device_model(config.name, expert, returns, traced, for_eight_bits=int8)
    width = model.model.config.hidden_size
    if trained is not None and trained.width != width:
        raise ConfigError(f"--head {head}: reads states of width {trained.width}; those of {config.name} have {width}")
    with new_folder(out) as folder:
        say(f"exporting {config.name} to onnx")
        _write_graph(model, folder / GRAPH)
        parity = tuple(
            differences(folder / GRAPH, lambda wav: answer(torch_states(expert, wav), returns, layer), returns, LENGTHS)
        )
        check_parity(config.name, parity)
        quantised = None
        if int8:
            say("quantising it to eight bits")
            quantised = _in_eight_bits(folder, model, expert, trained, recordings)
        exported = Exported(
            name=config.name,
            base=config.base,
            layers=layers,
            returns=returns,  # type: ignore[arg-type]
            opset=OPSET,
            normalised=model.epsilon is not None,
            shortest=shortest_input(model),
            tolerance=TOLERANCE,
            parity=parity,
            model_sha256=hashlib.sha256((folder / GRAPH).read_bytes()).hexdigest(),
            versions=package_versions() | {"onnxruntime": version("onnxruntime")},
            task=None if trained is None else trained.task,
            labels=() if trained is None else trained.labels,
            slots=() if trained is None else trained.slots,
            quantised=quantised,
            finetuned=None if run is None else FineTuned(str(run.folder), run.task, run.seed, run.checkpoint.name),
        )
        exported.write(folder / FACTS)
        shutil.copyfile(Path(__file__).with_name("run_template.py"), folder / RUN)
    return exported


def _in_eight_bits(
    folder: Path, model: DeviceModel, expert: Any, head: Head | None, recordings: Recordings | None
) -> Quantised:
    """Put the graph in eight bits in the place of the full one, and say what that costs."""
    graph, full = folder / GRAPH, folder / "full.onnx"
    graph.replace(full)
    block = block_of(model.model.config.hidden_size)
    products, stored = quantise(full, graph, block)
    layer = None if head is None else head.layer
    loss = None
    if recordings is not None:

        def exact(wav: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            states = torch_states(expert, torch.from_numpy(wav))
            return answer(states, model.returns, layer), states.numpy()

        loss = measure_loss(recordings, exact, session(graph), head)
    quantised = Quantised(
        block=block,
        products=products,
        stored=stored,
        full_bytes=full.stat().st_size,
        difference=tuple(differences(graph, lambda wav: torch_states(expert, wav).numpy(), "states", LENGTHS)),
        measured=loss,
    )
    full.unlink()
    without_states(graph)
    return quantised


def _write_graph(model: DeviceModel, path: Path) -> None:
    example = 0.1 * torch.randn(2, SAMPLE_RATE, generator=torch.Generator().manual_seed(0))
    dynamic = torch.export.Dim.DYNAMIC
    with _quiet():
        program: Any = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=({0: dynamic, 1: dynamic},),
            input_names=["wav"],
            output_names=[model.returns, "all_states"][: 1 + model.with_states],
            custom_translation_table=translations(),
            verbose=False,
        )
        program.save(str(path), external_data=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells its progress and its doubts; that the result is right is measured."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
