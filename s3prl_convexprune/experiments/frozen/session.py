"""s3prl's own experiment in this process, able to go on after a kill exactly where it was.

What `run_downstream.py` does with the same arguments (a test holds the two against each other), for a worker that
runs many experiments and imports s3prl once. One thing is added. s3prl's checkpoints keep the weights and the step
but neither the random states nor the place in the epoch, so a resumed run sees other batches than an undisturbed one.
Here each checkpoint gets a companion with both, and a resumed run ends with the same numbers.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ... import _plugin
from ...errors import ConvexPruneError, CorpusError
from ...versions import S3PRL_PROGRAM

if TYPE_CHECKING:
    from argparse import Namespace

    from .together.lockstep import Member

RESUME = re.compile(r"^resume-(\d+)\.pt$")
SAVED = re.compile(r"^states-(\d+)\.ckpt$")


def run(arguments: list[str], member: Member | None = None, precision: str | None = None) -> Any:
    """Run one s3prl experiment, ``-m train`` or ``-m evaluate``.

    Args:
        arguments: `run_downstream.py`'s.
        member: the experiment's place in a group of cells that run together.
        precision: of the frozen upstream's pass, a key of `reduced_pass.DTYPES`; None: full.

    Returns:
        s3prl's runner, after it ran.

    Raises:
        ConvexPruneError: bad input, as `run_downstream.py` explains it.
    """
    _plugin.install()
    from s3prl import run_downstream
    from s3prl.downstream.runner import Runner

    args, config = _read_arguments(run_downstream, arguments)
    _write_settings(args, config)
    _seed(args)

    class ResumableRunner(Runner):
        """s3prl's runner, its training batches drawn through a `Stream`; in a group it shares upstream and batches."""

        def _get_upstream(self) -> Any:
            if member is None:
                return self._get_own_upstream()
            return member.group.upstream(precision).entry(self, member, self._get_own_upstream)

        def _get_own_upstream(self) -> Any:
            entry = super()._get_upstream()
            if precision is not None and not entry.trainable:
                from .reduced_pass import ReducedPass

                entry.model = ReducedPass(entry.model, precision)
            return entry

        def _get_downstream(self) -> Any:
            with shared_files(self) if member else nullcontext():
                entry = super()._get_downstream()
            get_dataloader = entry.model.get_dataloader
            train_split = self.config["runner"].get("train_dataloader", "train")
            place = read_place(Path(self.args.init_ckpt)) if self.args.init_ckpt else None
            training = self.args.mode == "train"

            def get_stream(split: str, **options: Any) -> Any:
                nonlocal place
                loader = get_dataloader(split, **options)
                trains = training and split == train_split
                if trains and not len(loader):
                    raise CorpusError("the training set does not fill one batch; s3prl would wait for one forever")
                if member is not None:
                    loader = SharedLoader(loader, split, member, self, trains)
                if not trains:
                    return loader
                stream, place = Stream(loader, Path(self.args.expdir), place), None
                return stream

            entry.model.get_dataloader = get_stream
            return entry

    if member is not None:
        from .together.shared_loader import SharedLoader, shared_files

        member.begin(args.mode)
    runner = ResumableRunner(args, config)
    getattr(runner, args.mode)()
    return runner


def _read_arguments(run_downstream: Any, arguments: list[str]) -> tuple[Namespace, dict]:
    before = sys.argv
    sys.argv = [S3PRL_PROGRAM, *arguments]
    try:
        args, config, _ = run_downstream.get_downstream_args()
    except SystemExit as error:
        raise ConvexPruneError(f"s3prl refuses the arguments {' '.join(arguments)}") from error
    finally:
        sys.argv = before
    return args, config


def _write_settings(args: Namespace, config: dict) -> None:
    import yaml
    from s3prl.utility.helper import get_time_tag

    for name, content in (("args", vars(args)), ("config", config)):
        with (Path(args.expdir) / f"{name}_{get_time_tag()}.yaml").open("w") as file:
            yaml.dump(content, file)


def _seed(args: Namespace) -> None:
    """s3prl's own seeding, in its order."""
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(args.seed)
    torch.backends.cudnn.enabled = not args.disable_cudnn
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


class Stream:
    """The training batches of one epoch, and a note of the place whenever s3prl has saved a checkpoint.

    Args:
        loader: the recipe's own loader.
        folder: the experiment folder.
        place: where to go on, as `read_place` gives it, or None to start at the epoch's beginning.
    """

    def __init__(self, loader: Any, folder: Path, place: dict[str, Any] | None = None) -> None:
        self.loader = loader
        self.folder = folder
        self.place = place

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[Any]:
        if self.place is not None:
            set_random_states(self.place["epoch_start"])
        epoch_start = random_states()
        batches = iter(self.loader)
        drawn = 0
        if self.place is not None:
            for _ in range(self.place["batches"]):
                next(batches)
                drawn += 1
            set_random_states(self.place["now"])
        noted = saved_steps(self.folder)
        for batch in batches:
            drawn += 1
            yield batch
            saved = saved_steps(self.folder)
            if saved - noted:
                write_place(self.folder, max(saved - noted), epoch_start, drawn)
            noted = saved


def saved_steps(folder: Path) -> set[int]:
    """Steps of the ordinary checkpoints (`states-<step>.ckpt`) in an experiment folder."""
    return {int(match[1]) for path in folder.iterdir() if (match := SAVED.match(path.name))}


def random_states() -> dict[str, Any]:
    """The states of every random generator that s3prl's recipes draw from, as plain data and tensors."""
    version, words, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(words), gauss],
        "numpy": [kind, torch.from_numpy(np.asarray(keys, np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_states(states: dict[str, Any]) -> None:
    """Restore what `random_states` returned."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"])
    if states["cuda"]:
        torch.cuda.set_rng_state_all(states["cuda"])


def write_place(folder: Path, step: int, epoch_start: dict[str, Any], batches: int) -> None:
    """Note where the training stands right after s3prl saved `states-<step>.ckpt`.

    The checkpoint is linked under a name of ours first: s3prl removes its last checkpoint before it writes the next,
    and a kill in between must leave one that can be resumed.
    """
    link = folder / f"resume-{step}.ckpt"
    link.unlink(missing_ok=True)
    try:
        os.link(folder / f"states-{step}.ckpt", link)
    except OSError:  # a file system without hard links
        shutil.copyfile(folder / f"states-{step}.ckpt", link)
    temporary = folder / f".resume-{step}.pt"
    torch.save({"epoch_start": epoch_start, "batches": batches, "now": random_states()}, temporary)
    temporary.replace(folder / f"resume-{step}.pt")
    for older in resume_steps(folder) - {step}:
        (folder / f"resume-{older}.pt").unlink()
        (folder / f"resume-{older}.ckpt").unlink(missing_ok=True)


def resume_steps(folder: Path) -> set[int]:
    """Steps from which an experiment can go on exactly."""
    return {int(match[1]) for path in folder.iterdir() if (match := RESUME.match(path.name))}


def read_place(checkpoint: Path) -> dict[str, Any] | None:
    """The companion of a checkpoint `resume-<step>.ckpt`; None for a checkpoint that has none."""
    companion = checkpoint.with_suffix(".pt")
    if not RESUME.match(companion.name) or not companion.exists():
        return None
    return torch.load(companion, map_location="cpu", weights_only=True)
