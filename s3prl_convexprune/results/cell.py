"""What a result is of: one training of a downstream on an upstream, and its evaluation. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Precision = Literal["bf16", "fp16"]


@dataclass(frozen=True)
class Cell:
    """One experiment: one training run and one evaluation of its dev-chosen checkpoint.

    Attributes:
        upstream: name on s3prl's hub, whole or cut.
        task: key of `TASKS`.
        fold: s3prl's name of the cross-validation fold, or None for a task without folds.
        lr: learning rate, the one value SUPERB lets a participant change; None for a fine-tuned upstream, whose
            recipe has several.
        seed: training seed.

    >>> Cell("hubert_convexpruned_L6", "er", "fold2", 1e-4, 1337).path.as_posix()
    'hubert_convexpruned_L6/er/fold2/lr0.0001_seed1337'
    >>> Cell("hubert_convexpruned_L6", "er", "fold2", None, 1).path.as_posix()
    'hubert_convexpruned_L6/seed1/fold2'
    """

    upstream: str
    task: str
    fold: str | None
    lr: float | None
    seed: int

    @property
    def path(self) -> Path:
        """The cell's folder, below its plan's."""
        folds = (self.fold,) if self.fold else ()
        if self.lr is None:
            return Path(self.upstream, f"seed{self.seed}", *folds)
        return Path(self.upstream, self.task, *folds, f"lr{self.lr:g}_seed{self.seed}")

    @property
    def title(self) -> str:
        """The cell in a message."""
        fold = f" {self.fold}" if self.fold else ""
        lr = "" if self.lr is None else f" lr={self.lr:g}"
        return f"{self.upstream} {self.task}{fold}{lr} seed={self.seed}"
