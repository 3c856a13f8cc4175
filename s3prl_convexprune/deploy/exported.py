"""What lies in an exported folder beside the graph: one typed file that says what it is and how exact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ..schema import Artifact, AtLeastOne, Count, NotNegative, Part, Positive, Sha256

FACTS, GRAPH, RUN = "export.json", "model.onnx", "run.py"
Returns = Literal["states", "last", "pooled", "logits"]
RETURNS = ("states", "last", "pooled")


@dataclass(frozen=True)
class Difference(Part):
    """How far the graph is from torch on noise of one length.

    Attributes:
        seconds: that length.
        maximum: largest difference, one number a hidden state (one in all for logits).
        relative: root of the mean square of the difference over that of what torch gives, likewise.
    """

    seconds: Positive
    maximum: tuple[NotNegative, ...]
    relative: tuple[NotNegative, ...]


@dataclass(frozen=True)
class Quantised(Part):
    """What eight bits cost.

    Attributes:
        scheme: how it was quantised.
        operators: which operators were.
        difference: of the quantised graph from the full one, by length.
    """

    scheme: str
    operators: tuple[str, ...]
    difference: tuple[Difference, ...]


@dataclass(frozen=True)
class Exported(Artifact):
    """An exported graph.

    Attributes:
        name: of the cut.
        base: the upstream that was cut.
        layers: how many transformer layers it has.
        returns: what the graph gives: ``states`` `[layers + 1, batch, frames, width]`, ``last``
            `[batch, frames, width]`, ``pooled`` `[layers + 1, batch, width]`, the mean over time of each state, or
            ``logits`` `[batch, labels]`.
        opset: of ONNX.
        normalised: whether the graph brings a waveform to mean 0 and variance 1 itself, as the upstream wants.
        shortest: samples of the shortest waveform that leaves a frame.
        tolerance: the largest relative difference that was let pass.
        parity: the full graph against torch.
        model_sha256: of the graph's file.
        versions: package -> version.
        task: what the head was trained for, if there is one.
        labels: of the logits, in their order.
        quantised: what eight bits cost; None in full precision.
    """

    FORMAT: ClassVar[str] = "device export"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune export --format onnx"

    name: str
    base: str
    layers: Count
    returns: Returns
    opset: AtLeastOne
    normalised: bool
    shortest: AtLeastOne
    tolerance: Positive
    parity: tuple[Difference, ...]
    model_sha256: Sha256
    versions: dict[str, str]
    task: str | None = None
    labels: tuple[str, ...] = ()
    quantised: Quantised | None = None

    def __post_init__(self) -> None:
        if bool(self.labels) != (self.returns == "logits"):
            raise ValueError(f"a graph that returns {self.returns} has {len(self.labels)} labels")


def read_exported(folder: str | Path) -> Exported:
    """What an exported folder says about itself.

    Raises:
        ArtifactError: it is no such folder, or damaged.
    """
    return Exported.read(Path(folder) / FACTS)
