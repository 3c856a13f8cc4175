"""What happened in each epoch, kept inside the checkpoints so that a resumed run reports the whole training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from speechbrain.utils.checkpoints import mark_as_loader, mark_as_saver, register_checkpoint_hooks

from ..atomic import write_json
from .measure import Stopwatch


@register_checkpoint_hooks
class TrainingHistory:
    """One row an epoch: losses, scores on dev, seconds of training.

    It goes into the Checkpointer's recoverables. Loading the best checkpoint for the test, which lies before
    the end, does not shorten it.

    Attributes:
        epochs: the finished epochs' rows, in order.
        under_way: training time of the epoch under way; it includes what a killed process had saved.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, Any]] = []
        self.under_way = Stopwatch("cpu")

    def start_on(self, device: str) -> None:
        """Time the work of this device from now on."""
        self.under_way.device = device

    def finish_epoch(self, epoch: int, **row: Any) -> None:
        """Close the epoch under way with its losses and scores."""
        self.epochs.append({"epoch": epoch, "train_seconds": self.under_way.seconds(), **row})
        self.under_way = Stopwatch(self.under_way.device)

    @mark_as_saver
    def _save(self, path: Path) -> None:
        write_json(path, {"epochs": self.epochs, "under_way": self.under_way.seconds()})

    @mark_as_loader
    def _load(self, path: Path, end_of_epoch: bool) -> None:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        if len(saved["epochs"]) >= len(self.epochs):
            self.epochs = saved["epochs"]
            self.under_way = Stopwatch(self.under_way.device, **({} if end_of_epoch else saved["under_way"]))
