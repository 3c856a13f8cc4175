"""A cut as an ONNX graph, held to torch before it is written."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, InstallationError
from ..progress import say
from ..sampling import SAMPLE_RATE
from ..upstreams.config import UpstreamConfig
from ..upstreams.names import chosen_layers
from ..upstreams.registry import build_cut
from ..versions import package_versions
from .exported import FACTS, GRAPH, RETURNS, RUN, Difference, Exported
from .graph import DeviceModel, device_model, shortest_input
from .heads import LinearHead, read_head
from .place import check_new, new_folder

OPSET = 18
LENGTHS = (0.1, 1.0, 4.0, 15.0)  # seconds
TOLERANCE = 1e-3
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
) -> Exported:
    """Write a cut as a folder with an ONNX graph and `export.json`, which says how far it is from torch.

    The graph takes ``wav`` `[batch, samples]`, 16 kHz; utterances of a batch are of one length.

    Args:
        config: the cut.
        out: the new folder.
        ckpt: the whole upstream's checkpoint; goes before the config's own.
        returns: ``"states"``, ``"last"`` or ``"pooled"``, see `exported.Exported`; with a head, logits.
        head: the s3prl experiment whose trained head travels along.

    Raises:
        InstallationError: the extra `onnx` is not installed.
        ConfigError: the head does not fit, the family cannot be exported, or the graph gives other states than torch;
            it is not written then.
        CheckpointError: the checkpoint cannot be read.
        OutputError: `out` cannot be written.
    """
    check_extra()
    if returns not in RETURNS:
        raise ConfigError(f"--returns {returns}: expected one of {', '.join(RETURNS)}")
    layers = chosen_layers(config)
    out = check_new(out, lambda there: (there / FACTS).is_file())
    trained = None if head is None else read_head(head, config)
    expert = build_cut(config, ckpt=ckpt).eval()
    returns = returns if trained is None else "logits"
    layer = None if trained is None else trained.layer
    model = device_model(config.name, expert, returns, layer)
    with new_folder(out) as folder:
        say(f"exporting {config.name} to onnx")
        _write_graph(model, folder / GRAPH)
        parity = tuple(measure(folder / GRAPH, lambda wav: _torch(expert, wav, returns, layer), returns, LENGTHS))
        check_parity(config.name, parity)
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
            versions=package_versions(),
            task=None if trained is None else trained.task,
            labels=() if trained is None else trained.labels,
        )
        exported.write(folder / FACTS)
        shutil.copyfile(Path(__file__).with_name("run_template.py"), folder / RUN)
    return exported


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
            output_names=[model.returns],
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


def _torch(expert: Any, wav: Tensor, returns: str, head: LinearHead | None = None) -> np.ndarray:
    """What the upstream itself gives for one waveform, laid out as the graph lays it out."""
    with torch.no_grad():
        states = torch.stack(list(expert([wav])["hidden_states"]))
        if head is not None:
            return np.asarray(head(states.mean(2)))
    return {"states": states, "last": states[-1], "pooled": states.mean(2)}[returns].numpy()


def session(path: Path, threads: int | None = None) -> Any:
    """An onnxruntime session on the CPU.

    Args:
        path: the graph.
        threads: how many it may use; all of them when None.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def measure(path: Path, expected: Any, returns: str, lengths: Sequence[float]) -> Iterator[Difference]:
    """The differences of a graph from what is expected of it, on noise, by length.

    Args:
        path: the graph.
        expected: from a waveform `[samples]` to what the graph should give.
        returns: what it gives.
        lengths: seconds.
    """
    running = session(path)
    for seconds in lengths:
        wav = 0.1 * torch.randn(int(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(int(seconds * 10)))
        truth = expected(wav)
        found = running.run(None, {"wav": wav[None].numpy()})[0]
        if found.shape != truth.shape:
            raise ConfigError(f"the exported graph gives {found.shape} for {seconds} s, torch gives {truth.shape}")
        if returns not in ("states", "pooled"):
            truth, found = truth[None], found[None]
        pairs = list(zip(found.astype(np.float64), truth.astype(np.float64), strict=True))
        yield Difference(
            seconds,
            tuple(float(np.abs(one - other).max()) for one, other in pairs),
            tuple(float(np.sqrt(np.mean((one - other) ** 2) / np.mean(other**2))) for one, other in pairs),
        )


def check_parity(name: str, parity: Sequence[Difference]) -> None:
    """Refuse a graph that gives other states than torch.

    Raises:
        ConfigError: it does.
    """
    for row in parity:
        for index, relative in enumerate(row.relative):
            if not relative <= TOLERANCE:
                raise ConfigError(
                    f"{name}: the exported graph is not written: on {row.seconds} s its output {index} differs from "
                    f"torch's by {relative:.2g} of its size, more than {TOLERANCE}"
                )
