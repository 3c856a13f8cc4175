"""What exported models cost on one machine, in torch and in onnxruntime, side by side: the artifact and its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import MinLen

from ..markdown import escape, table
from ..schema import Artifact, AtLeastOne, NotNegative, Part, Positive

Form = Literal["torch fp32", "torch bf16", "onnx fp32", "onnx int8"]
COLUMNS = ("model", "form", "threads", "p50 ms", "p95 ms", "rtf", "first output s", "memory MB", "file MB")


@dataclass(frozen=True)
class ModelCost(Part):
    """One model in one form with one number of threads.

    Attributes:
        model: the exported folder, or the upstream's name.
        form: what computes, and in which precision.
        threads: how many it may use.
        p50_ms: median time of a pass.
        p95_ms: what 95 % of the passes stay below.
        rtf: the median by the utterance's length.
        first_output_s: from the start of a process to the answer to its first utterance.
        memory_mb: the most resident memory during the passes, less what the process held before it loaded the model;
            None where the system does not tell.
        file_mb: of the graph's file; in torch, of the weights in this precision.
    """

    model: str
    form: Form
    threads: AtLeastOne
    p50_ms: Positive
    p95_ms: Positive
    rtf: Positive
    first_output_s: Positive
    memory_mb: NotNegative | None
    file_mb: Positive

    def __post_init__(self) -> None:
        if self.p95_ms < self.p50_ms:
            raise ValueError(f"p95_ms {self.p95_ms:g} is less than p50_ms {self.p50_ms:g}")


@dataclass(frozen=True)
class DeviceProfile(Artifact):
    """What ``profile --exported`` writes.

    Attributes:
        seconds: length of the one utterance of a pass.
        repeats: timed passes a model; models take turns, one pass each a round.
        machine: the processor and its cores.
        rows: a model, form and number of threads each; the first of each number of threads is what ratios refer to.
        versions: package -> version.
    """

    FORMAT: ClassVar[str] = "device profile"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune profile --exported"

    seconds: Positive
    repeats: AtLeastOne
    machine: str
    rows: Annotated[tuple[ModelCost, ...], MinLen(1)]
    versions: dict[str, str]

    def __post_init__(self) -> None:
        keys = [(row.model, row.form, row.threads) for row in self.rows]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise ValueError(f"{twice[0]} as {twice[1]} on {twice[2]} threads stands there twice")

    def table(self) -> list[str]:
        """The lines of a table in Markdown: each number, and in brackets its ratio to the first row on as many threads.

        The real-time factor goes with the median and has no ratio of its own.
        """
        lines = []
        for row in self.rows:
            first = next(other for other in self.rows if other.threads == row.threads)
            lines.append(
                [
                    escape(row.model),
                    row.form,
                    str(row.threads),
                    _beside(row.p50_ms, first.p50_ms, ".1f"),
                    _beside(row.p95_ms, first.p95_ms, ".1f"),
                    f"{row.rtf:.4f}",
                    _beside(row.first_output_s, first.first_output_s, ".2f"),
                    _beside(row.memory_mb, first.memory_mb, ".0f"),
                    _beside(row.file_mb, first.file_mb, ".1f"),
                ]
            )
        return table(COLUMNS, lines)


def _beside(value: float | None, first: float | None, how: str) -> str:
    if value is None:
        return "?"
    return f"{value:{how}} ({value / first:.2f})" if first else f"{value:{how}}"
