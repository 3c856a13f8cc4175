"""What a grid consists of: cells (upstream, task, fold, learning rate, seed) and the s3prl command of each.

Nothing here imports torch or s3prl: a plan is made, printed, split and sent to other machines as plain data.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError
from ..resources import downstream_recipes_dir
from .tasks import get_task, get_tasks

DEFAULT_SEED = 1337
ALL_TASKS = "all"
OWNED_BY_GRID = {
    "config.optimizer.lr": "--lr",
    "config.downstream_expert.datarc.test_fold": "--folds",
    "args.seed": "--seeds",
    "args.expdir": "-o",
    "args.device": "--device",
    "args.upstream": "-u",
    "args.downstream": "-t",
}


@dataclass(frozen=True)
class Cell:
    """One experiment: one training run and one evaluation of its dev-chosen checkpoint.

    Attributes:
        upstream: name on s3prl's hub, whole or cut.
        task: key of `TASKS`.
        fold: s3prl's name of the cross-validation fold, or None for a task without folds.
        lr: learning rate, the one value SUPERB lets a participant change.
        seed: s3prl's ``--seed``.

    >>> Cell("hubert_convexpruned_L6", "er", "fold2", 1e-4, 1337).path.as_posix()
    'hubert_convexpruned_L6/er/fold2/lr0.0001_seed1337'
    """

    upstream: str
    task: str
    fold: str | None
    lr: float
    seed: int

    @property
    def path(self) -> Path:
        """The cell's folder, below the grid's."""
        folds = (self.fold,) if self.fold else ()
        return Path(self.upstream, self.task, *folds, f"lr{self.lr:g}_seed{self.seed}")

    @property
    def title(self) -> str:
        """The cell in a message."""
        fold = f" {self.fold}" if self.fold else ""
        return f"{self.upstream} {self.task}{fold} lr={self.lr:g} seed={self.seed}"


@dataclass(frozen=True)
class Plan:
    """A grid: its cells, where they live and what they have in common.

    Attributes:
        expdir: the grid's folder.
        cells: every cell, in the order in which they are run.
        recipes: recipe file a task.
        overrides: further s3prl overrides (``config.runner.total_steps=100``) a task.
        device: torch device of every cell.
        ckpt: ``-k`` of every cell, for upstreams that need a checkpoint.
        attempt: one invocation; a cell that failed in it is not tried again by it.
    """

    expdir: Path
    cells: tuple[Cell, ...]
    recipes: dict[str, str]
    overrides: dict[str, tuple[str, ...]] = field(default_factory=dict)
    device: str = "cpu"
    ckpt: str | None = None
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)

    def folder(self, cell: Cell) -> Path:
        """The s3prl experiment folder of a cell."""
        return self.expdir / cell.path

    def train_arguments(self, cell: Cell) -> list[str]:
        """`run_downstream.py`'s arguments that train a cell from its beginning."""
        task = get_task(cell.task)
        overrides = [f"config.optimizer.lr={cell.lr!r}"]
        if cell.fold:
            overrides.append(f"config.downstream_expert.datarc.test_fold={cell.fold!r}")
        overrides += self.overrides.get(cell.task, ())
        arguments = ["-m", "train", "-u", cell.upstream, "-d", task.downstream, "-c", self.recipes[cell.task]]
        if self.ckpt:
            arguments += ["-k", self.ckpt]
        arguments += ["-p", str(self.folder(cell)), "--seed", str(cell.seed), "--device", self.device]
        return [*arguments, "-o", ",,".join(overrides)]

    def resume_arguments(self, cell: Cell, checkpoint: Path) -> list[str]:
        """The arguments that go on training from one of the cell's checkpoints."""
        return [
            "-m",
            "train",
            "-e",
            str(checkpoint),
            "--device",
            self.device,
            "-o",
            self._expdir_override(cell),
        ]

    def evaluate_arguments(self, cell: Cell) -> list[str]:
        """The arguments that score the dev-chosen checkpoint on the test set."""
        task = get_task(cell.task)
        checkpoint = str(self.folder(cell) / task.best_checkpoint)
        evaluate = ["-m", "evaluate", "-t", task.evaluate_split, "-e", checkpoint, "--device", self.device]
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
        }

    def shard(self, index: int, count: int) -> Plan:
        """Every ``count``-th cell, starting with number ``index`` (1-based).

        Raises:
            ConfigError: there is no such shard.
        """
        if not 1 <= index <= count:
            raise ConfigError(f"--shard {index}/{count}: expected i/n with 1 <= i <= n")
        return dataclasses.replace(self, cells=self.cells[index - 1 :: count])

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


def make_plan(
    upstreams: Sequence[str],
    tasks: Sequence[str],
    expdir: str | Path,
    *,
    lrs: Sequence[float] = (),
    seeds: Sequence[int] = (DEFAULT_SEED,),
    folds: Sequence[str] = (),
    overrides: Mapping[str, str | Sequence[str]] | None = None,
    recipes: Mapping[str, str | Path] | None = None,
    device: str = "cpu",
    ckpt: str | None = None,
) -> Plan:
    """Expand a grid.

    Args:
        upstreams: names on s3prl's hub.
        tasks: keys of `TASKS`.
        expdir: the grid's folder.
        lrs: learning rates to choose from on dev; empty: the recipe's own.
        seeds: s3prl seeds.
        folds: for tasks with folds, which of them; empty: all (anything less is not the task's number).
        overrides: s3prl overrides by task; the key ``"all"`` is for every task. A value may hold several, joined
            by ``,,`` as s3prl writes them.
        recipes: recipe file a task, where it is not this package's.
        device: torch device.
        ckpt: s3prl's ``-k``.

    Raises:
        ConfigError: an unknown task or fold, an override that the grid itself decides, a recipe that is not there.
    """
    if not upstreams:
        raise ConfigError("a grid needs at least one upstream (-u)")
    expdir = Path(expdir)
    if "=" in str(expdir.resolve()) or ",," in str(expdir.resolve()):
        raise ConfigError(
            f"{expdir}: s3prl's -o cannot carry a path with '=' or ',,' in it; choose another folder"
        )
    chosen = get_tasks(tasks)
    paths = {
        task.name: str((recipes or {}).get(task.name, downstream_recipes_dir() / "s3prl" / task.recipe))
        for task in chosen
    }
    per_task = _overrides_by_task(overrides or {}, [task.name for task in chosen])
    cells = []
    for task in chosen:
        rates = [float(lr) for lr in lrs] or [_recipe_lr(paths[task.name])]
        for upstream in dict.fromkeys(upstreams):
            for lr in dict.fromkeys(rates):
                for seed in dict.fromkeys(seeds):
                    cells += [
                        Cell(upstream, task.name, fold, lr, int(seed)) for fold in _folds(task.name, folds)
                    ]
    return Plan(expdir, tuple(cells), paths, per_task, device, ckpt)


def _folds(task_name: str, wanted: Iterable[str]) -> Sequence[str | None]:
    task = get_task(task_name)
    if not task.folds:
        return [None]
    chosen = list(dict.fromkeys(wanted)) or list(task.folds)
    for fold in chosen:
        if fold not in task.folds:
            raise ConfigError(f"{task.title} has no {fold!r}; expected one of {', '.join(task.folds)}")
    return chosen


def _recipe_lr(path: str) -> float:
    try:
        recipe = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return float(recipe["optimizer"]["lr"])
    except OSError as error:
        raise ConfigError(f"{path}: the recipe cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: no optimizer.lr in this recipe; give --lr") from error


def _overrides_by_task(
    given: Mapping[str, str | Sequence[str]], tasks: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    by_task: dict[str, tuple[str, ...]] = {task: () for task in tasks}
    for name, values in given.items():
        if name != ALL_TASKS:
            get_task(name)
        parts = [
            part.strip()
            for value in ([values] if isinstance(values, str) else values)
            for part in value.split(",,")
        ]
        for part in filter(None, parts):
            _check_override(part)
            for task in tasks if name == ALL_TASKS else [name]:
                if task in by_task:
                    by_task[task] += (part,)
    return by_task


def _check_override(text: str) -> None:
    key, *values = text.split("=")
    key = key.strip()
    if len(values) != 1 or key.split(".")[0] not in ("args", "config"):
        raise ConfigError(
            f"override {text!r}: expected config.<key>=<value> or args.<key>=<value>, with one '='"
        )
    if key in OWNED_BY_GRID:
        raise ConfigError(f"override {text!r}: the grid itself decides {key}; use {OWNED_BY_GRID[key]}")
