"""Why a cell failed: one line for people, and the end of what it said."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ...atomic import named_refusal
from ...errors import ConvexPruneError, OutputError
from ...results.cell import Cell
from ...results.reading import FAILED, LOG
from ...results.result import Failure
from .plan import Plan

LAST_LINES = 12


def reason_of(error: BaseException) -> str:
    """An error as one line."""
    if isinstance(error, ConvexPruneError):
        return str(error)
    if refused := named_refusal(error):  # torch.save's words for a full disk are the name of a C++ file
        return refused
    first_line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"


def note_failure(plan: Plan, cell: Cell, reason: str) -> Failure:
    """Write `failed.json` into a cell's folder: the reason and the log's last lines; a full disk has none."""
    folder = plan.folder(cell)
    failure = Failure(reason, plan.attempt, str(folder / LOG), tuple(last_lines(folder / LOG)))
    with suppress(OutputError):
        failure.write(folder / FAILED)
    return failure


def last_lines(path: Path, count: int = LAST_LINES) -> list[str]:
    """The end of a log, progress bars (lines rewritten in place) reduced to their last state."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 65536))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = [line.rstrip().rsplit("\r", 1)[-1] for line in text.split("\n")]
    return [line for line in lines if line.strip()][-count:]
