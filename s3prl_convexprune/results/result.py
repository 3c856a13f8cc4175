"""One number with everything behind it: what a cell of the grid and a run of a comparison both leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..schema import Artifact, AtLeastOne, Count, NotNegative, Part, Positive, Seed, Sha256
from ..tasks.table import TASKS
from .cell import Precision
from .provenance import Provenance

How = Literal["frozen", "finetuned"]


@dataclass(frozen=True)
class Seconds(Part):
    """Time on the clock, and of the process's processors, which other programs do not stretch."""

    wall: NotNegative
    cpu: NotNegative


@dataclass(frozen=True)
class Epoch(Part):
    """An epoch of fine-tuning.

    Attributes:
        epoch: 1 for the first.
        step: optimizer steps until its end.
        dev: the task's metric on dev, percent.
        train_loss: mean loss.
        train_seconds: time of its training steps.
        valid: the recipe's own metrics on dev.
    """

    epoch: AtLeastOne
    step: Count
    dev: NotNegative
    train_loss: float
    train_seconds: Seconds
    valid: dict[str, float]


@dataclass(frozen=True)
class Memory(Part):
    """The most memory a run has used: bytes, and what they count; None where the system does not tell."""

    bytes: Count | None = None
    of: str | None = None


@dataclass(frozen=True)
class Cost(Part):
    """What fine-tuning took.

    Attributes:
        epochs: in order.
        inference_seconds: of the forward passes over the test set.
        test_audio_seconds: length of the test set.
        peak_memory: of the whole run.
        device: where it ran.
        head_parameters: trained beside the upstream.
    """

    epochs: tuple[Epoch, ...]
    inference_seconds: Seconds
    test_audio_seconds: Positive
    peak_memory: Memory
    device: str
    head_parameters: Count


@dataclass(frozen=True)
class Reduced(Part):
    """What a frozen upstream's pass in reduced precision changed.

    Attributes:
        precision: "bf16" or "fp16".
        test_in_full: test score of the same checkpoint with the pass in full precision, percent.
        states: relative difference of each hidden state, the largest of the first batches'.
    """

    precision: Precision
    test_in_full: NotNegative
    states: tuple[NotNegative, ...]


@dataclass(frozen=True)
class Result(Artifact):
    """The score of one training: a row of `results.json`, and a cell's own `finished.json`.

    Attributes:
        how: "frozen" (s3prl's protocol: a head on the frozen upstream) or "finetuned" (end to end).
        upstream: name on s3prl's hub.
        task: key of `TASKS`.
        fold: its fold, for a task that has folds.
        lr: learning rate; of the upstream when that is fine-tuned.
        seed: training seed.
        metric: the task's.
        dev: dev score of the chosen checkpoint, percent.
        test: test score of that checkpoint, percent.
        step: optimizer steps after which it was saved.
        total_steps: length of the schedule.
        utterances: size of the test set.
        truth_sha256: identity of the test set.
        layers: hidden states less one.
        params: parameters of the upstream.
        provenance: what the number was made with.
        folder: the cell's folder, seen from the results file; empty in the cell itself.
        cost: what fine-tuning took; None for a frozen upstream.
        reduced: what a frozen upstream's pass in reduced precision changed; None for full precision.
    """

    FORMAT: ClassVar[str] = "result"
    VERSION: ClassVar[int] = 2
    MADE_BY: ClassVar[str] = "s3prl-convexprune run"

    how: How
    upstream: str
    task: str
    fold: str | None
    lr: Positive
    seed: Seed
    metric: str
    dev: NotNegative
    test: NotNegative
    step: Count
    total_steps: AtLeastOne
    utterances: AtLeastOne
    truth_sha256: Sha256
    layers: Count
    params: AtLeastOne
    provenance: Provenance
    folder: str = ""
    cost: Cost | None = None
    reduced: Reduced | None = None

    def __post_init__(self) -> None:
        task = TASKS.get(self.task)
        if task is None:
            raise ValueError(f"task {self.task!r} is not known; expected one of {', '.join(TASKS)}")
        if self.metric != task.metric:
            raise ValueError(f"metric is {self.metric!r}, expected {task.name}'s {task.metric!r}")
        for name in ("dev", "test"):
            if task.higher_is_better and getattr(self, name) > 100:
                raise ValueError(f"{name} is {getattr(self, name):g}, expected an accuracy of at most 100 %")
        if self.fold not in (task.folds or (None,)):
            raise ValueError(f"fold {self.fold!r} is not one of {task.name}'s")
        if (self.cost is not None) != (self.how == "finetuned"):
            raise ValueError(f"cost belongs to what was fine-tuned, how is {self.how!r}")

    @property
    def name(self) -> str:
        """What tables call the upstream: a fine-tuned one never shares a row with the frozen one."""
        return table_name(self.upstream, self.how)

    @property
    def base(self) -> str:
        """What tables call the upstream that it is a cut of; its own name for a whole one."""
        depth = self.provenance.depth
        return self.name if depth is None else table_name(depth.base, self.how)

    @property
    def key(self) -> tuple[str, str, str | None, float, int]:
        """What no two results share."""
        return self.name, self.task, self.fold, self.lr, self.seed

    @property
    def title(self) -> str:
        """The result in a message."""
        return ", ".join(str(part) for part in self.key if part is not None)


@dataclass(frozen=True)
class Failure(Artifact):
    """A cell that failed, `failed.json`.

    Attributes:
        reason: one line.
        attempt: the invocation that it failed in, which does not try it again.
        log: where everything that it said is.
        last_lines: the end of that.
    """

    FORMAT: ClassVar[str] = "failure"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune run"

    reason: str
    attempt: str
    log: str
    last_lines: tuple[str, ...]


@dataclass(frozen=True)
class Unfinished(Part):
    """A cell without a number: its folder, "failed" or "open", and why."""

    cell: str
    status: Literal["failed", "open"]
    reason: str


@dataclass(frozen=True)
class Results(Artifact):
    """A `results.json`: every finished cell, and what is known of the others."""

    FORMAT: ClassVar[str] = "results"
    VERSION: ClassVar[int] = 2
    MADE_BY: ClassVar[str] = "s3prl-convexprune run"

    rows: tuple[Result, ...]
    unfinished: tuple[Unfinished, ...] = ()


def table_name(upstream: str, how: How) -> str:
    """
    >>> table_name("hubert", "frozen"), table_name("hubert", "finetuned")
    ('hubert', 'hubert (fine-tuned)')
    """
    return upstream if how == "frozen" else f"{upstream} (fine-tuned)"
