"""The SID recipe keeps its file lists in site-packages, keyed by nothing: another corpus gets the previous one's list.

The lists are moved to the user's cache, one folder for each pair of corpus root and list file.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._importhook import on_import
from ..errors import CorpusError
from ..resources import user_cache
from .remedy import Remedy


def patch() -> None:
    on_import("s3prl.downstream.voxceleb1.dataset", after=_patch_dataset)


def cache_dir(file_path: str | os.PathLike[str], meta_data: str | os.PathLike[str]) -> Path:
    """Where the file lists of one corpus are kept.

    Args:
        file_path: the corpus root.
        meta_data: the list file (`veri_test_class.txt`); its content counts, not its name.

    Raises:
        CorpusError: when the list file cannot be read.
    """
    digest = hashlib.sha256(str(Path(file_path).resolve()).encode())
    try:
        digest.update(Path(meta_data).read_bytes())
    except OSError as error:
        raise CorpusError(
            f"VoxCeleb1 list {meta_data}: {error.strerror}; s3prl-convexprune prepare sid makes it"
        ) from None
    return user_cache() / "voxceleb1" / digest.hexdigest()[:16]


@contextmanager
def first_process_first() -> Iterator[None]:
    """What is done inside is done by the first of torchrun's processes before the others."""
    import torch.distributed as dist

    follower = dist.is_initialized() and dist.get_rank() > 0
    if follower:
        dist.barrier()
    yield
    if dist.is_initialized() and not follower:
        dist.barrier()


def first_missing(file_path: str | os.PathLike[str], meta_data: str | os.PathLike[str]) -> str | None:
    """The first file of the list that the corpus lacks."""
    for line in Path(meta_data).read_text().splitlines():
        if line.strip() and not any(Path(file_path).glob("*/wav/" + line.split()[1])):
            return line.split()[1]
    return None


def _patch_dataset(module: Any) -> None:
    dataset = module.SpeakerClassifiDataset
    original = dataset.__init__

    @functools.wraps(original)
    def __init__(self: Any, mode: str, file_path: Any, meta_data: Any, max_timestep: int | None = None) -> None:
        kept = cache_dir(file_path, meta_data)
        kept.mkdir(parents=True, exist_ok=True)
        with first_process_first():
            try:
                if (kept / f"{mode}.pkl").is_file():
                    module.CACHE_PATH = str(kept)
                    original(self, mode, Path(file_path), meta_data, max_timestep)
                else:  # searched into a folder of its own, then moved: a killed run leaves no half-written list
                    with tempfile.TemporaryDirectory(dir=kept) as folder:
                        module.CACHE_PATH = folder
                        original(self, mode, Path(file_path), meta_data, max_timestep)
                        (Path(folder) / f"{mode}.pkl").replace(kept / f"{mode}.pkl")
            except IndexError:
                raise CorpusError(
                    f"VoxCeleb1 at {file_path}: {first_missing(file_path, meta_data)} of {meta_data} is not there "
                    "(expected <root>/*/wav/<speaker>/<video>/<clip>.wav)"
                ) from None

    dataset.__init__ = __init__


REMEDY = Remedy(
    name="sid_cache",
    target="s3prl.downstream.voxceleb1.dataset",
    why="the SID recipe caches its file lists in site-packages without a key, so a second corpus would silently train "
    "on the first one's files; the lists are kept a corpus each in the user's cache",
    needed=lambda: True,
    patch=patch,
)
