"""A grid: frozen upstreams on SUPERB tasks, each cell an experiment of s3prl's own runner."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ...results.cell import Cell, Precision
from ...results.reading import SPEC
from ...tasks.table import get_task
from ...versions import S3PRL_PROGRAM
from ..cells.plan import Group, Plan


@dataclass(frozen=True)
class Grid(Plan):
    """Cells that s3prl's runner runs; what every `Plan` says, and:

    Attributes:
        recipes: recipe file a task.
        overrides: further s3prl overrides (``config.runner.total_steps=100``) a task.
        precision: of the frozen upstreams' forward pass, "bf16" or "fp16"; None: full.
    """

    SPEC: ClassVar[str] = SPEC

    recipes: dict[str, str]
    overrides: dict[str, tuple[str, ...]] = field(default_factory=dict)
    precision: Precision | None = None

    def train_arguments(self, cell: Cell) -> list[str]:
        """`run_downstream.py`'s arguments that train a cell from its beginning."""
        task = get_task(cell.task)
        overrides = [f"config.optimizer.lr={cell.lr!r}"]
        if cell.fold:
            overrides.append(f"config.downstream_expert.datarc.test_fold={cell.fold!r}")
        overrides += self.overrides.get(cell.task, ())
        arguments = ["-m", "train", "-u", cell.upstream, "-d", task.downstream.name, "-c", self.recipes[cell.task]]
        if self.ckpt:
            arguments += ["-k", self.ckpt]
        arguments += ["-p", str(self.folder(cell)), "--seed", str(cell.seed), "--device", self.device_here]
        return [*arguments, "-o", ",,".join(overrides)]

    def resume_arguments(self, cell: Cell, checkpoint: Path) -> list[str]:
        """The arguments that go on training from one of the cell's checkpoints."""
        return ["-m", "train", "-e", str(checkpoint), "--device", self.device_here, "-o", self._expdir_override(cell)]

    def evaluate_arguments(self, cell: Cell) -> list[str]:
        """The arguments that score the dev-chosen checkpoint on the test set."""
        task = get_task(cell.task)
        checkpoint = str(self.folder(cell) / task.best_checkpoint)
        evaluate = ["-m", "evaluate", "-t", task.evaluate_split, "-e", checkpoint, "--device", self.device_here]
        return [*evaluate, "-o", self._expdir_override(cell)]

    def commands(self, cell: Cell) -> list[list[str]]:
        """Training and evaluation."""
        return [[S3PRL_PROGRAM, *given] for given in (self.train_arguments(cell), self.evaluate_arguments(cell))]

    def _expdir_override(self, cell: Cell) -> str:
        return f"args.expdir={str(self.folder(cell))!r}"

    def spec(self, cell: Cell) -> dict[str, Any]:
        recipe = Path(self.recipes[cell.task])
        return {
            "version": 2,
            **dataclasses.asdict(cell),
            "cut": self.cuts[cell.upstream],
            "ckpt": self.ckpt,
            "recipe": recipe.name,
            "recipe_sha256": hashlib.sha256(recipe.read_bytes()).hexdigest(),
            "overrides": list(self.overrides.get(cell.task, ())),
            **({"precision": self.precision} if self.precision else {}),
        }

    def groups(self) -> list[list[int]]:
        """The cells, by index, in groups that run together, see `together.groups`."""
        from .together.groups import groups

        return groups(self)

    def run_group(self, group: Group) -> None:
        from .together.run import run_together

        run_together(self, group)

    def run_cell(self, cell: Cell, member: Any = None) -> None:
        from .experiment import run_cell

        run_cell(self, cell, member)
