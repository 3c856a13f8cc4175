"""A plan: cells, the folder below which they lie, and what they have in common.

There are two: a `frozen.grid.Grid` runs its cells through s3prl's runner, a `finetuned.comparison.Comparison` through
a SpeechBrain recipe. Nothing here imports torch or s3prl: a plan is made, printed, split and sent to other machines as
plain data.
"""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ...errors import ArtifactError, ConfigError
from ...results.cell import Cell
from ...upstreams.meaning import meaning_of

RunCell = Callable[..., None]
AnyPlan = TypeVar("AnyPlan", bound="Plan")


@dataclass(frozen=True)
class Group:
    """Cells that run together, and who is told about them.

    Attributes:
        cells: the cells, their locks held.
        run_cell: runs one, given the plan, the cell and its place in the group.
        started: told about each cell before it runs.
        ended: told about each cell as soon as it has ended, with its error.
        workers: processes that share the machine.
    """

    cells: Sequence[Cell]
    run_cell: RunCell
    started: Callable[[Cell], None]
    ended: Callable[[Cell, BaseException | None], None]
    workers: int = 1


@dataclass(frozen=True)
class Plan(ABC):
    """What a launcher is given.

    Attributes:
        expdir: the folder below which every cell has its own.
        cells: every cell, in the order in which they are run.
        device: torch device of every cell; None takes the GPU where there is one, on the machine that runs the cell.
        ckpt: checkpoint of every cell, for upstreams that need one.
        together: how many cells of a group may run at once; None: as many as memory holds, 1: each is alone.
        attempt: one invocation; a cell that failed in it is not tried again by it.
    """

    SPEC: ClassVar[str]  # the file in a cell's folder that says what it is for

    expdir: Path
    cells: tuple[Cell, ...]
    device: str | None = field(default=None, kw_only=True)
    ckpt: str | None = field(default=None, kw_only=True)
    together: int | None = field(default=None, kw_only=True)
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex, kw_only=True)

    @abstractmethod
    def spec(self, cell: Cell) -> dict[str, Any]:
        """Everything that decides a cell's numbers; written into its folder and compared on every return to it."""

    @abstractmethod
    def commands(self, cell: Cell) -> list[list[str]]:
        """The programs, with their arguments, that make a cell from its beginning."""

    @abstractmethod
    def run_cell(self, cell: Cell, member: Any = None) -> None:
        """Run a cell, whose lock the caller holds, to its `finished.json`, from nothing or from where it was killed.

        Args:
            cell: the cell.
            member: its place in a group that runs together.

        Raises:
            ConvexPruneError: bad input, or a training that failed.
        """

    @cached_property
    def cuts(self) -> dict[str, dict[str, Any] | None]:
        """What each upstream's name stands for, which belongs into a cell's `spec`; see `upstreams.meaning`."""
        return {name: meaning_of(name) for name in sorted({cell.upstream for cell in self.cells})}

    def check_unchanged(self, cell: Cell) -> None:
        """Called before a cell is run.

        Raises:
            ArtifactError: a config or an analysis was edited since `cuts` read it.
        """
        if meaning_of(cell.upstream) != self.cuts[cell.upstream]:
            raise ArtifactError(f"{cell.upstream} has become another cut since this run began; begin it again")

    def folder(self, cell: Cell) -> Path:
        """Where a cell lies."""
        return self.expdir / cell.path

    @property
    def device_here(self) -> str:
        """The device of cells that run on this machine."""
        if self.device is not None:
            return self.device
        from ...devices import choose_device

        return choose_device()

    def groups(self) -> list[list[int]]:
        """The cells, by index, in groups that run together; here each is alone."""
        return [[index] for index in range(len(self.cells))]

    def run_group(self, group: Group) -> None:
        """Run a group of several cells; only for plans whose `groups` makes some."""
        raise NotImplementedError

    def shard(self: AnyPlan, index: int, count: int) -> AnyPlan:
        """Every ``count``-th group of cells, starting with number ``index`` (1-based).

        Raises:
            ConfigError: there is no such shard.
        """
        check_shard(index, count)
        chosen = sorted(cell for group in self.groups()[index - 1 :: count] for cell in group)
        return replace(self, cells=tuple(self.cells[cell] for cell in chosen))

    def to_json(self) -> str:
        """The plan as one line of text, for another process."""
        from pydantic import TypeAdapter

        return json.dumps(TypeAdapter(type(self)).dump_python(self, mode="json"))

    @classmethod
    def from_json(cls: type[AnyPlan], text: str) -> AnyPlan:
        """The plan that `to_json` of the same kind wrote."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_json(text)


def check_shard(index: int, count: int) -> None:
    """Refuse a shard that there is not.

    Raises:
        ConfigError: see above.
    """
    if not 1 <= index <= count:
        raise ConfigError(f"--shard {index}/{count}: expected i/n with 1 <= i <= n")
