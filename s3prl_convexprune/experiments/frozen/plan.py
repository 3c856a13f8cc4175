"""A grid of cells and the s3prl command of each.

Nothing here imports torch or s3prl: a plan is made, printed, split and sent to other machines as plain data.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...results.cell import Cell, Precision
from ...tasks.table import get_task


@dataclass(frozen=True)
class Plan:
    """A grid: its cells, where they live and what they have in common.

    Attributes:
        expdir: the grid's folder.
        cells: every cell, in the order in which they are run.
        recipes: recipe file a task.
        overrides: further s3prl overrides (``config.runner.total_steps=100``) a task.
        device: torch device of every cell; None takes the GPU where there is one, on the machine that runs the cell.
        ckpt: ``-k`` of every cell, for upstreams that need a checkpoint.
        together: how many cells may share a forward pass; None: as many as memory holds, 1: none.
        precision: of the frozen upstreams' forward pass, "bf16" or "fp16"; None: full.
        attempt: one invocation; a cell that failed in it is not tried again by it.
    """

    expdir: Path
    cells: tuple[Cell, ...]
    recipes: dict[str, str]
    overrides: dict[str, tuple[str, ...]] = field(default_factory=dict)
    device: str | None = None
    ckpt: str | None = None
    together: int | None = None
    precision: Precision | None = None
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)

    def folder(self, cell: Cell) -> Path:
        """The s3prl experiment folder of a cell."""
        return self.expdir / cell.path

    @property
    def device_here(self) -> str:
        """The device of cells that run on this machine."""
        if self.device is not None:
            return self.device
        from ...devices import choose_device

        return choose_device()

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

    def _expdir_override(self, cell: Cell) -> str:
        return f"args.expdir={str(self.folder(cell))!r}"

    def spec(self, cell: Cell) -> dict[str, Any]:
        """Everything that decides the cell's numbers; written into its folder and compared on every return to it."""
        recipe = Path(self.recipes[cell.task])
        return {
            "version": 1,
            **dataclasses.asdict(cell),
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

    def shard(self, index: int, count: int) -> Plan:
        """Every ``count``-th group of cells, starting with number ``index`` (1-based).

        Raises:
            ConfigError: there is no such shard.
        """
        if not 1 <= index <= count:
            raise ConfigError(f"--shard {index}/{count}: expected i/n with 1 <= i <= n")
        chosen = sorted(cell for group in self.groups()[index - 1 :: count] for cell in group)
        return dataclasses.replace(self, cells=tuple(self.cells[cell] for cell in chosen))

    def to_json(self) -> str:
        """The plan as text, for another process."""
        return json.dumps({**dataclasses.asdict(self), "expdir": str(self.expdir)})

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote."""
        content = json.loads(text)
        content["expdir"] = Path(content["expdir"])
        content["cells"] = tuple(Cell(**cell) for cell in content["cells"])
        content["overrides"] = {task: tuple(values) for task, values in content["overrides"].items()}
        return cls(**content)
