"""Published SUPERB rows of four tasks, with their sources, and the score that can be made from four tasks.

The rows stand beside measured ones and are never ranked with them. MACs are those of the benchmark's 32 files, in G.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ..tasks.table import TASKS


@dataclass(frozen=True)
class PublishedRow:
    """One upstream as its paper or the benchmark's site reports it.

    Attributes:
        upstream: its name there.
        params_m: parameters in millions.
        gmacs: MACs on the benchmark's 32 files, in G; None where not published.
        scores: metric a task, percent.
        source: where the row was read.
    """

    upstream: str
    params_m: float
    gmacs: float | None
    scores: dict[str, float]
    source: str


def published_rows() -> list[PublishedRow]:
    """All rows of `published.csv`.

    >>> next(row.scores["ks"] for row in published_rows() if row.upstream == "HuBERT Base")
    96.3
    """
    with Path(__file__).with_name("published.csv").open(encoding="utf-8") as file:
        return [
            PublishedRow(
                upstream=row["upstream"],
                params_m=float(row["params_m"]),
                gmacs=float(row["gmacs"]) if row["gmacs"] else None,
                scores={task: float(row[task]) for task in TASKS},
                source=row["source"],
            )
            for row in csv.DictReader(file)
        ]


def four_task_score(scores: Mapping[str, float]) -> float | None:
    """The benchmark's normalisation over ASR, SID, KS and ER alone; it is not the SUPERB score.

    Each metric x maps to 1000 (x - FBANK) / (reference - FBANK), and the four are averaged.

    Args:
        scores: metric a task, percent.

    Returns:
        The score, or None unless all four tasks are there.

    >>> round(four_task_score({"asr": 6.42, "sid": 81.42, "ks": 96.30, "er": 64.92}))  # HuBERT Base
    896
    >>> four_task_score({"ks": 96.30}) is None
    True
    """
    if set(TASKS) - set(scores):
        return None
    return fmean(task.points(scores[name]) for name, task in TASKS.items())
