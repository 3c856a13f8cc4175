"""What an artifact says of approximate neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..schema import AtLeastOne, NotNegative, Part, Share


@dataclass(frozen=True)
class Approximation(Part):
    """How far a layer's neighbours were from the exact ones.

    Args:
        recall: the share of the exact neighbours of a sample of points that were found.
        probes, lists: how many of the index's lists were looked through for a point, and of how many.
        change: points of percent by which that moved the score, as a sample scored both ways tells (see
            `convexity.approximation`); None where it cannot.
        change_error: the standard error of that.
    """

    recall: Share
    probes: AtLeastOne
    lists: AtLeastOne
    change: float | None
    change_error: NotNegative | None

    @property
    def bound(self) -> float:
        """The change and two of its errors; infinite where it is not known."""
        return math.inf if self.change is None else abs(self.change) + 2 * (self.change_error or 0.0)


def said_of(approximations: Sequence[Approximation]) -> str:
    """How far the neighbours of an analysis's layers were from the exact ones, for people.

    >>> said_of([Approximation(0.983, 8, 125, 0.2, 0.03), Approximation(0.976, 4, 125, -0.1, 0.04)])
    'approximate neighbours: 97.6 % of the exact ones or more and scores are off by 0.26 points or less, say samples'
    >>> said_of([Approximation(1.0, 1, 1, None, None)])
    'approximate neighbours: 100.0 % of the exact ones or more, says a sample; how far scores are off it cannot say'
    """
    recall, bound = min(one.recall for one in approximations), max(one.bound for one in approximations)
    found = f"approximate neighbours: {100 * recall:.1f} % of the exact ones or more"
    if math.isinf(bound):
        return f"{found}, says a sample; how far scores are off it cannot say"
    return f"{found} and scores are off by {bound:.2f} points or less, say samples"
