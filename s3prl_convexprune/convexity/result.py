"""The result of `graph_convexity`, which readers of results need without the machinery that computes it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from s3prl_convexprune.errors import DataError


@dataclass(frozen=True, eq=False)
class GraphConvexity:
    """The graph convexity of one set of points, in percent.

    Attributes:
        score: the mean over classes.
        pair_score: the mean over ordered pairs, so that large classes weigh more.
        capped_score: the mean over pairs of which no class gives more than 5000, as `nnconvexity` 0.1.1 draws them:
            the mean over the drawn pairs when pairs were drawn, else what such draws average to.
        capped_sampling_sem: the error of `capped_score` that comes from drawing pairs; 0 when none were drawn.
        per_class: {label: mean over the class's ordered pairs}.
        sem: standard error of `score` for other groups, where groups were given (see `groups`), else `plain_sem`;
            NaN where the groups are too few to say.
        plain_sem: the same for other points drawn independently from the same population (see `jackknife`).
        degrees: of freedom of `sem`, where groups were given; None where the points are many.
        per_class_sem: {label: standard error}; NaN for a class of two, and where the groups are too few.
        sampling_sem: the part of `sem` that comes from sampling sources; 0 when every pair was scored.
        n_pairs: ordered pairs scored.
        disconnected: share (0 to 1) of pairs without a path; each counts as 0 in the scores.
        excluded: labels with a single point, which have no pair and no score.
        influence: what each point, or each block of groups, adds to the error of `score`: the sum of squares is the
            error's square, and for two layers measured on the same points the sum of squared differences is the square
            of the error of their difference. This is what an artifact must keep for layers to be compared later.
        settings: what the numbers depend on.
        compile_seconds: time this call spent compiling or loading the kernels; close to 0 after the first.
    """

    score: float
    pair_score: float
    capped_score: float
    capped_sampling_sem: float
    per_class: Mapping[Any, float]
    sem: float
    plain_sem: float
    degrees: int | None
    per_class_sem: Mapping[Any, float]
    sampling_sem: float
    n_pairs: int
    disconnected: float
    excluded: tuple[Hashable, ...]
    influence: np.ndarray = field(repr=False)
    settings: Mapping[str, Any]
    compile_seconds: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Where the score of other points, or of other groups, lies with that probability, by Student's t.

        Args:
            level: the probability, in (0, 1).
        """
        from scipy.special import ndtri, stdtrit

        above = (1 + level) / 2
        reach = self.sem * float(ndtri(above) if self.degrees is None else stdtrit(self.degrees, above))
        return self.score - reach, self.score + reach

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types; labels stay what they are, influences keep seven digits."""
        return {
            "score": self.score,
            "pair_score": self.pair_score,
            "capped_score": self.capped_score,
            "capped_sampling_sem": self.capped_sampling_sem,
            "sem": _or_none(self.sem),
            "plain_sem": self.plain_sem,
            "degrees": self.degrees,
            "sampling_sem": self.sampling_sem,
            "classes": [
                {"label": label, "score": self.per_class[label], "sem": _or_none(self.per_class_sem[label])}
                for label in self.per_class
            ],
            "n_pairs": self.n_pairs,
            "disconnected": self.disconnected,
            "excluded": list(self.excluded),
            "influence": [float(f"{value:.7g}") for value in self.influence],
            "settings": dict(self.settings),
            "compile_seconds": round(self.compile_seconds, 3),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> GraphConvexity:
        """The result that `to_dict` wrote.

        Raises:
            DataError: a field is missing or of the wrong kind.
        """
        try:
            classes = record["classes"]
            return cls(
                score=float(record["score"]),
                pair_score=float(record["pair_score"]),
                capped_score=float(record["capped_score"]),
                capped_sampling_sem=float(record["capped_sampling_sem"]),
                per_class={row["label"]: row["score"] for row in classes},
                sem=_or_nan(record["sem"]),
                plain_sem=float(record["plain_sem"]),
                degrees=None if record["degrees"] is None else int(record["degrees"]),
                per_class_sem={row["label"]: _or_nan(row["sem"]) for row in classes},
                sampling_sem=float(record["sampling_sem"]),
                n_pairs=int(record["n_pairs"]),
                disconnected=float(record["disconnected"]),
                excluded=tuple(record["excluded"]),
                influence=np.asarray(record["influence"], dtype=np.float64),
                settings=dict(record["settings"]),
                compile_seconds=float(record["compile_seconds"]),
            )
        except KeyError as error:
            raise DataError(f"not a graph convexity record: the field {error} is missing") from None
        except (TypeError, ValueError) as error:
            raise DataError(f"not a graph convexity record: {error}") from None


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)
