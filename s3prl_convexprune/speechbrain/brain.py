"""The Brain that the four recipes share: two optimisers, repeatable steps, checkpoints, and what a run cost."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import speechbrain as sb
import torch
from speechbrain.utils.distributed import if_main_process
from torch import Tensor

from ..atomic import write_text
from ..schema import validated
from ..tasks.table import get_task
from ..upstreams.cost import count_params
from ..versions import package_versions
from .measure import Stopwatch, peak_memory
from .record import Record


class FineTuningBrain(sb.Brain):
    """Fine-tunes a `PrunedUpstream` and a head, each with its own optimiser and learning rate.

    A recipe adds `compute_forward`, `compute_objectives` and `stage_metrics`, and sets `criterion`.

    Every training step draws its random numbers (dropout, augmentation, crops) from a seed made of the run's
    seed, the epoch and the step. So a run that was killed goes on with the numbers it would have drawn, and
    upstreams that are compared see the same augmented audio.

    The hyperparameters it reads: `seed`, `lobe`, `head` (a ModuleList), `upstream_opt_class`, `head_opt_class`,
    `lr_annealing_upstream`, `lr_annealing_head`, `history`, `train_logger`, `epoch_counter`, `record_file`.

    Attributes:
        criterion: which of the stage metrics chooses the checkpoint; lower is better.
        annealed_by: which of them, or ``loss``, anneals the learning rates.
        answers: (utterance, answer, reference) of the test set, which the recipe fills in.
    """

    criterion = "error_rate"
    annealed_by = "error_rate"

    def stage_metrics(self) -> dict[str, float]:
        """The metrics, in percent, of the stage that just ended; the recipe's own."""
        raise NotImplementedError

    def init_optimizers(self) -> None:
        lobe = self.hparams.lobe
        head = [*self.hparams.head.parameters(), *lobe.head_parameters()]
        self.optimizers_dict = {"head": self.hparams.head_opt_class(head)}
        if not lobe.freeze:
            self.optimizers_dict["upstream"] = self.hparams.upstream_opt_class(lobe.upstream_parameters())
        if self.checkpointer is not None:
            for name, optimizer in self.optimizers_dict.items():
                self.checkpointer.add_recoverable(f"{name}_optimizer", optimizer)

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        self.epoch = epoch
        self.hparams.history.start_on(self.device)
        if stage == sb.Stage.TEST:
            self.inference, self.audio_seconds = Stopwatch(self.device), 0.0

    def on_fit_batch_start(self, batch: Any, should_step: bool) -> None:
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        seed_step(self.hparams.seed, self.epoch or 0, self.step, rank)

    def fit_batch(self, batch: Any) -> Tensor:
        with self.hparams.history.under_way:
            return super().fit_batch(batch)

    def on_evaluate_start(self, max_key: str | None = None, min_key: str | None = None) -> None:
        self.answers: list[tuple[str, str, str]] = []
        super().on_evaluate_start(max_key, min_key)

    def evaluate_batch(self, batch: Any, stage: sb.Stage) -> Tensor:
        if stage != sb.Stage.TEST:
            return super().evaluate_batch(batch, stage)
        with torch.no_grad(), self.evaluation_ctx:
            if self.step == 1:  # caches and kernels warm up outside the clock
                self.compute_forward(batch, stage)
            with self.inference:
                out = self.compute_forward(batch, stage)
            loss = self.compute_objectives(out, batch, stage)
        wavs, wav_lens = batch.sig
        self.audio_seconds += float(wav_lens.sum()) * wavs.shape[1] / self.hparams.sample_rate
        return loss.detach().cpu()

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        if stage == sb.Stage.TRAIN:
            self.train_loss = float(stage_loss)
            return
        stats = {"loss": float(stage_loss), **self.stage_metrics()}
        if stage == sb.Stage.VALID:
            self._end_epoch(stats, epoch or 0)
            return
        self.test_stats = stats
        self.hparams.train_logger.log_stats({"epoch loaded": self.hparams.epoch_counter.current}, test_stats=stats)

    def _end_epoch(self, stats: dict[str, float], epoch: int) -> None:
        rates = {}
        for name, optimizer in (self.optimizers_dict or {}).items():
            old, new = getattr(self.hparams, f"lr_annealing_{name}")(stats[self.annealed_by])
            sb.nnet.schedulers.update_learning_rate(optimizer, new)
            rates[f"lr_{name}"] = old
        self.hparams.history.finish_epoch(epoch, step=self.optimizer_step, train_loss=self.train_loss, valid=stats)
        self.hparams.train_logger.log_stats(
            {"epoch": epoch, **rates}, train_stats={"loss": self.train_loss}, valid_stats=stats
        )
        self.checkpointer.save_and_keep_only(meta={self.criterion: stats[self.criterion]}, min_keys=[self.criterion])

    def record(self, task: str, fold: str | None = None, **about: Any) -> Record:
        """What this run was, cost and scored. The main process writes it to `record_file`, and beside it the test set's
        answers and references in the two files in which s3prl leaves those of this task.

        Args:
            task: a key of `tasks.table.TASKS`.
            fold: the fold, for a task that has folds.
            **about: what else the recipe knows.

        Returns:
            The record. Scores are percentages, times seconds, memory bytes.

        Raises:
            ArtifactError: a loss or score is NaN or infinite.
        """
        lobe, epochs = self.hparams.lobe, self.hparams.history.epochs
        content = {
            "task": task,
            "fold": fold,
            **about,
            "upstream": lobe.source,
            "seed": self.hparams.seed,
            "layers": lobe.num_layers,
            "upstream_parameters": count_params(lobe.upstream),
            "head_parameters": count_params(self.hparams.head) + sum(map(Tensor.numel, lobe.head_parameters())),
            "criterion": self.criterion,
            "test": self.test_stats,
            "epochs": epochs,
            "lr_upstream": self.hparams.lr_upstream,
            "steps": self.optimizer_step,
            "inference_seconds": self.inference.seconds(),
            "test_audio_seconds": self.audio_seconds,
            "peak_memory": peak_memory(self.device),
            "device": torch.cuda.get_device_name(self.device) if self.device_type == "cuda" else self.device,
            "precision": self.precision,
            "versions": package_versions(),
        }
        record: Record = validated(Record, content, self.hparams.record_file)
        if if_main_process():
            row, folder = get_task(task), Path(self.hparams.record_file).parent
            names = {"split": row.evaluate_split, "fold": fold}
            for name, column in ((row.predictions, 1), (row.truths, 2)):
                lines = [f"{answer[0]} {answer[column]}\n" for answer in self.answers]
                write_text(folder / name.format(**names), "".join(lines))
            record.write(self.hparams.record_file)
        return record


def seed_step(seed: int, epoch: int, step: int, rank: int = 0) -> None:
    """Seed Python, numpy and torch for one training step.

    Args:
        seed: the run's seed.
        epoch: counted from 1.
        step: inside the epoch, counted from 1.
        rank: of the process, in distributed training: each augments its own share.
    """
    digest = hashlib.sha256(f"{seed}/{epoch}/{step}/{rank}".encode()).digest()
    number = int.from_bytes(digest[:4], "big")
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
