"""All points against all: each tile of the symmetric product is made once and read both ways.

Tile (I, J) holds what block I's points have to know of block J's, and what J's have to know of I's, so only the tiles
on and above the diagonal are multiplied: half the product. Two threads never write to one block at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock

import numpy as np
from tqdm import tqdm

from s3prl_convexprune.convexity.proposing import Candidates, Scaled, propose, propose_both

STRIP, BLOCK = 256, 1024  # one strip of a tile, 1 MiB, stays in cache between product and scan
ROOM_A_NEIGHBOR = 4  # times K, and a little, candidates a row; rows that need more are searched alone


def propose_by_tiles(scaled: Scaled, k: int, n_threads: int, progress: bool = False) -> Candidates:
    """Every point's candidates; those of a row whose limit is ``-inf`` found no room.

    Args:
        scaled: the points.
        k: neighbours.
        n_threads: worker threads.
        progress: show a bar.
    """
    unit, low, slack = scaled.unit, scaled.low, scaled.slack
    n = len(unit)
    found = Candidates.none(n, k, ROOM_A_NEIGHBOR * k + 32)
    block = min(BLOCK, max(STRIP, n // (4 * n_threads) // STRIP * STRIP))
    starts = range(0, n, block)
    locks = [Lock() for _ in starts]
    numbers = np.arange(n)

    def multiply(pair: tuple[int, int]) -> None:
        one, other = pair
        end = min(starts[other] + block, n)
        for row in range(starts[one], min(starts[one] + block, n), STRIP):
            stop = min(row + STRIP, starts[one] + block, n)
            column = max(starts[other], row)
            product = unit[row:stop] @ unit[column:end].T
            with ExitStack() as held:
                for number in sorted({one, other}):
                    held.enter_context(locks[number])
                square = 0
                if one == other:
                    mine, square = slice(row, stop), stop - row
                    own = (part[mine] for part in found.arrays)
                    propose(
                        product, square, low[mine], slack[mine], row, numbers[mine], numbers[mine], slack[mine], *own
                    )
                propose_both(product, square, low, slack, row, column, *found.arrays)

    pairs = list(_in_turn(len(starts)))
    with ThreadPoolExecutor(n_threads) as pool:
        shown = tqdm(total=len(pairs), desc="neighbours", disable=None if progress else True, leave=False)
        with shown as bar:
            for _ in pool.map(multiply, pairs):
                bar.update()
    return found


def _in_turn(blocks: int) -> Iterator[tuple[int, int]]:
    """Every pair of blocks once, such that neighbouring pairs hardly ever share a block: a round-robin tournament
    by the circle method, the blocks with themselves first.

    >>> list(_in_turn(4))[4:]
    [(0, 3), (1, 2), (0, 2), (1, 3), (0, 1), (2, 3)]
    """
    yield from ((number, number) for number in range(blocks))
    seats = list(range(blocks + blocks % 2))
    for _ in seats[1:]:
        for one, other in zip(seats, seats[: len(seats) // 2 - 1 : -1], strict=False):
            if max(one, other) < blocks:
                yield min(one, other), max(one, other)
        seats.insert(1, seats.pop())
