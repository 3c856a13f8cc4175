"""Eight bits: products with a matrix get one scale a block of weights and one a block of each row's activations.

A scale a row is found while the graph runs, so no recording has to be calibrated on, and a quiet frame keeps its own
scale. The kernels left are large only in the positional convolution: its weights are stored in eight bits, one scale a
channel, and computed with in full precision.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InstallationError

LARGEST_BLOCK = 256  # weights, and activations of a row, that share a scale; larger ones are not offered
OLDEST_RUNTIME = (1, 22)  # the first onnxruntime with kernels for this
LARGE = 2**16  # weights of a convolution that are worth storing in eight bits


def check_runtime() -> None:
    """Refuse an onnxruntime that cannot run such graphs.

    Raises:
        InstallationError: it is too old.
    """
    import onnxruntime

    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < OLDEST_RUNTIME:
        oldest = ".".join(map(str, OLDEST_RUNTIME))
        raise InstallationError(f"--int8 needs onnxruntime {oldest} or newer; this is {onnxruntime.__version__}")


def block_of(width: int) -> int:
    """How many weights share a scale in a model of some width: a power of 2 that is no larger than its rows.

    >>> block_of(768), block_of(128)
    (256, 128)
    """
    return min(LARGEST_BLOCK, 1 << (width.bit_length() - 1))


def quantise(full: Path, graph: Path, block: int) -> tuple[int, int]:
    """Write a graph in eight bits.

    Args:
        full: the graph in full precision.
        graph: where the other is written.
        block: how many weights share a scale.

    Returns:
        How many products with a matrix are computed in eight bits, and how many convolutions are stored in them.
    """
    import onnx

    with _quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

        # accuracy_level 4: activations are in eight bits too
        how = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=True, accuracy_level=4, bits=8)
        quantiser = MatMulNBitsQuantizer(_folded(full), algo_config=how)
        quantiser.process()
    model = quantiser.model.model
    stored = _store_convolutions(model)
    onnx.save(model, str(graph))
    return sum(node.op_type == "MatMulNBits" for node in model.graph.node), stored


def without_states(graph: Path) -> None:
    """Take a graph's second output away, and what only it needed."""
    import onnx
    from onnxscript import optimizer

    model = onnx.load(str(graph))
    del model.graph.output[1:]
    optimizer.remove_unused_nodes(model)
    onnx.save(model, str(graph))


def _folded(full: Path) -> Any:
    """The graph with what is constant computed: the exporter leaves large constants, such as a weight norm's."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        onnxruntime.InferenceSession(str(full), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def _store_convolutions(model: Any) -> int:
    from onnx import helper, numpy_helper

    constants = {constant.name: constant for constant in model.graph.initializer}
    stored = 0
    for node in [node for node in model.graph.node if node.op_type == "Conv"]:
        name = node.input[1]
        if name not in constants or np.prod(constants[name].dims) < LARGE:
            continue
        weights = numpy_helper.to_array(constants[name])
        scale = np.abs(weights).max(axis=(1, 2)) / 127
        scale = np.where(scale == 0, 1, scale).astype(np.float32)
        model.graph.initializer.remove(constants.pop(name))
        rounded = np.round(weights / scale[:, None, None]).astype(np.int8)
        model.graph.initializer.extend(
            [numpy_helper.from_array(rounded, f"{name}_Q8"), numpy_helper.from_array(scale, f"{name}_scale")]
        )
        whole = helper.make_node("DequantizeLinear", [f"{name}_Q8", f"{name}_scale"], [name], f"{name}_D8", axis=0)
        model.graph.node.insert(0, whole)
        stored += 1
    return stored


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser sets the root logger up when it is imported, and tells every node."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    name = "onnxruntime.quantization.matmul_nbits_quantizer"
    logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
