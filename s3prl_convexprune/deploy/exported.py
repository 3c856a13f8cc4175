"""What lies in an exported folder beside the graph: one typed file that says what it is and how exact."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ..artifact import FineTuned
from ..errors import ArtifactError
from ..schema import Artifact, AtLeastOne, Count, NotNegative, Part, Percent, Positive, Sha256, Share

FACTS, GRAPH, RUN = "export.json", "model.onnx", "run.py"
Returns = Literal["states", "last", "pooled", "logits", "characters"]
MARGIN = 1.0  # points of accuracy; see `Score`
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
class Score(Part):
    """A head's accuracy in torch and in eight bits, on the same utterances.

    Attributes:
        task: what the head was trained for.
        full: accuracy of torch, in percent.
        eight: accuracy of the graph, in percent.
        difference: in percentage points, with the ends of its 95 % interval over utterances.
        lost: utterances that torch alone has right.
        gained: utterances that the graph alone has right.
        p: of McNemar's exact test.
        margin: points of accuracy that may be lost; fixed here, not chosen after a measurement.
    """

    task: str
    full: Percent
    eight: Percent
    difference: tuple[float, float, float]
    lost: Count
    gained: Count
    p: Share
    margin: Positive = MARGIN

    @property
    def within_margin(self) -> bool:
        """Whether the interval shows that no more than the margin is lost."""
        return self.difference[1] >= -self.margin


@dataclass(frozen=True)
class TextScore(Part):
    """Error rates of text in torch and in eight bits, on the same utterances, in percent.

    Attributes:
        task: what the head was trained for.
        full: word error rate of torch.
        eight: of the graph.
        difference: of the two, in percentage points, with the ends of its 95 % interval over utterances.
        full_characters: character error rate of torch.
        eight_characters: of the graph.
    """

    task: str
    full: NotNegative
    eight: NotNegative
    difference: tuple[float, float, float]
    full_characters: NotNegative
    eight_characters: NotNegative


@dataclass(frozen=True)
class Measured(Part):
    """How far a graph in eight bits is from torch on recordings.

    Attributes:
        manifest: file name of the list of recordings.
        manifest_sha256: of that file.
        utterances: how many there were.
        seconds: how long they are together.
        relative: root of the mean square of a hidden state's difference over that of what torch gives, a state.
        score: of the task, for a graph with a head.
    """

    manifest: str
    manifest_sha256: Sha256
    utterances: AtLeastOne
    seconds: Positive
    relative: tuple[NotNegative, ...]
    score: Score | TextScore | None = None


@dataclass(frozen=True)
class Quantised(Part):
    """What eight bits cost.

    Attributes:
        block: how many weights, and activations of a row, share a scale.
        products: how many products with a matrix are computed in eight bits.
        stored: how many convolutions are stored in eight bits and computed in full precision.
        full_bytes: size of the graph in full precision.
        difference: of the hidden states from torch's, on noise, by length.
        measured: the same on recordings, where they were given.
    """

    block: AtLeastOne
    products: AtLeastOne
    stored: Count
    full_bytes: AtLeastOne
    difference: tuple[Difference, ...]
    measured: Measured | None = None


@dataclass(frozen=True)
class Exported(Artifact):
    """An exported graph.

    Attributes:
        name: of the cut.
        base: the upstream that was cut.
        layers: how many transformer layers it has.
        returns: what the graph gives: ``states`` `[layers + 1, batch, frames, width]`, ``last``
            `[batch, frames, width]`, ``pooled`` `[layers + 1, batch, width]`, the mean over time of each state,
            ``logits`` `[batch, labels]`, or ``characters`` `[batch, frames, labels]`, logits for CTC.
        opset: of ONNX.
        normalised: whether the graph brings a waveform to mean 0 and variance 1 itself, as the upstream wants.
        shortest: samples of the shortest waveform that leaves a frame.
        tolerance: the largest relative difference that was let pass.
        parity: the full graph against torch.
        model_sha256: of the graph's file.
        versions: package -> version.
        task: what the head was trained for, if there is one.
        labels: of the logits, in their order; of characters what each writes, the blank nothing.
        slots: where an answer is several labels, one a slot: the slots' names and how many labels each has.
        quantised: what eight bits cost; None in full precision.
        finetuned: the run that trained the upstream with the head; None where it was frozen.
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
    slots: tuple[tuple[str, AtLeastOne], ...] = ()
    quantised: Quantised | None = None
    finetuned: FineTuned | None = None

    def __post_init__(self) -> None:
        if bool(self.labels) != (self.returns in ("logits", "characters")):
            raise ValueError(f"a graph that returns {self.returns} has {len(self.labels)} labels")
        if self.slots and (count := sum(count for _, count in self.slots)) != len(self.labels):
            raise ValueError(f"slots has {count} labels of {len(self.labels)}")
        end = 0
        for count in [count for _, count in self.slots] or [len(self.labels)] * (self.returns == "logits"):
            if len(set(self.labels[end : end + count])) < count:
                raise ValueError("labels has one of them twice")
            end += count


def read_exported(folder: str | Path) -> Exported:
    """What an exported folder says about itself.

    Raises:
        ArtifactError: it is no such folder, or damaged.
    """
    return Exported.read(Path(folder) / FACTS)


def check_graph(folder: Path, facts: Exported) -> Path:
    """The graph that lies in an exported folder.

    Raises:
        ArtifactError: there is none, or it is not the one that the folder's facts are about.
    """
    graph = folder / GRAPH
    if not graph.is_file() or hashlib.sha256(graph.read_bytes()).hexdigest() != facts.model_sha256:
        raise ArtifactError(f"{graph}: is not the graph that {FACTS} beside it describes; export it again")
    return graph
