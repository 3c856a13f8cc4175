"""How firm the most convex layer is when the same points are measured otherwise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis import Analysis

MOST = 0.9  # of the variations lie in the range that is named


def firmness(analysis: Analysis) -> str:
    """The most convex layer, and the narrowest range about it that holds it in nine of ten variations.

    For example ``L9; L7 to L11 in 18 of 20 variations``. Empty where nothing was varied.
    """
    if not analysis.variations:
        return ""
    layers = [row.layer for row in analysis.layers]
    best = layers.index(analysis.choose("argmax").layer)
    peaks = []
    for scores in zip(*(row.variations for row in analysis.layers), strict=True):
        peaks.append(scores.index(max(scores)))
    wanted = math.ceil(MOST * len(peaks))
    ranges = [
        (high - low, low, high, held)
        for low in range(best + 1)
        for high in range(best, len(layers))
        if (held := sum(low <= peak <= high for peak in peaks)) >= wanted
    ]
    _, low, high, held = min(ranges)
    count = f"in {held} of {len(peaks)} variations"
    if low == high:
        return f"L{layers[best]} {count}"
    return f"L{layers[best]}; L{layers[low]} to L{layers[high]} {count}"
