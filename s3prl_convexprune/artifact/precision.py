"""What an artifact says of a reduced precision: the same points' scores with it and without."""

from __future__ import annotations

from dataclasses import dataclass

from ..schema import AtLeastOne, Part, Percent


@dataclass(frozen=True)
class PrecisionEffect(Part):
    """Every layer's score of some of the points, heard in the analysis's precision and in float32.

    Args:
        points: how many of the analysis's points.
        layers: k of each layer, as in its row.
        reduced: its score of these points as the analysis heard them, in percent.
        float32: its score of them heard in float32.
    """

    points: AtLeastOne
    layers: tuple[int, ...]
    reduced: tuple[Percent, ...]
    float32: tuple[Percent, ...]

    def __post_init__(self) -> None:
        if not self.layers or not len(self.layers) == len(self.reduced) == len(self.float32):
            raise ValueError("layers, reduced and float32 must be of one length, and not empty")

    def words(self, precision: str, of: int) -> str:
        """The largest change, for people.

        Args:
            precision: the analysis's.
            of: its points.

        >>> PrecisionEffect(90, (0, 1), (50.0, 61.0), (50.1, 60.75)).words("bf16", 400)
        'bf16: of 90 of the 400 points, heard in float32 too, it changes no layer's score by more than 0.25 points (L1)'
        """
        changes = [abs(one - other) for one, other in zip(self.reduced, self.float32, strict=True)]
        most = max(range(len(changes)), key=changes.__getitem__)
        return (
            f"{precision}: of {self.points} of the {of} points, heard in float32 too, it changes no layer's score by "
            f"more than {changes[most]:.2f} points (L{self.layers[most]})"
        )
