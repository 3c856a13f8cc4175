"""Run the cells of one group together, as many at once as memory holds."""

from __future__ import annotations

import sys
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....results.reading import LOG
from .lockstep import BUILDING, Member, run_in_lockstep
from .memory import cells_that_fit
from .shared_upstream import SharedUpstream

if TYPE_CHECKING:
    from ....results.cell import Cell
    from ...cells.plan import Group
    from ..grid import Grid


@dataclass
class Shared:
    """What the cells of a group have in common.

    Attributes:
        upstreams: the one upstream, by precision.
        loaders: passes over loaders that a cell may join.
    """

    upstreams: dict[str | None, SharedUpstream] = field(default_factory=dict)
    loaders: weakref.WeakSet = field(default_factory=weakref.WeakSet)

    def upstream(self, precision: str | None = None) -> SharedUpstream:
        """The upstream whose pass has a precision (None: full)."""
        return self.upstreams.setdefault(precision, SharedUpstream())


def run_together(grid: Grid, group: Group) -> Shared:
    """Run cells that `groups.groups` put together; a cell that fails leaves, the others go on.

    Args:
        grid: the grid; ``grid.together`` bounds how many cells run at once, None leaves it to the free memory.
        group: the cells, deepest first; each is run as a `Member`.

    Returns:
        What they shared, with the counts of its passes.
    """
    shared = Shared()
    waiting = list(group.cells)
    by_member: dict[Member, Cell] = {}

    def start() -> Member:
        cell = waiting.pop(0)
        group.started(cell)
        member = Member(lambda own: group.run_cell(grid, cell, own), grid.folder(cell) / LOG, shared)
        by_member[member] = cell
        return member

    def end(member: Member) -> None:
        group.ended(by_member.pop(member), member.error)

    while waiting:
        first = start()
        _run_until_built(first)
        if first.ended:
            end(first)
            continue
        at_once = _bound(grid, first, 1 + len(waiting), group.workers)
        others = [start() for _ in range(min(len(waiting), at_once - 1))]
        run_in_lockstep([first, *others], end)
    return shared


def _run_until_built(member: Member) -> None:
    """Let a group's first cell build its upstream and head, so that the memory a cell needs is known."""
    while not member.ended and member.position[0] == BUILDING:
        member.advance()


def _bound(grid: Grid, first: Member, wanted: int, workers: int) -> int:
    most = min(wanted, grid.together or wanted)
    fit = cells_that_fit(first.head_bytes, grid.device_here, workers)
    if grid.together and fit < most:
        needed = f"{first.head_bytes / 1e6:.0f} MB of weights a head"
        print(f"--together {grid.together}: memory holds {fit} cells at once ({needed})", file=sys.stderr)
    return max(1, min(most, fit))
