"""The ASV recipe: on the device that was asked for, without a package that it never uses, and with its own corpus.

Its expert moves a mask to the GPU whatever ``--device`` says, imports pysox for a name that it does not use, and keeps
the trimmed lengths of every training file in site-packages under one name for every corpus.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from .._importhook import on_import
from ..resources import user_cache
from . import sox_effects
from .remedy import Remedy
from .sid_cache import first_process_first

PYSOX = "sox"
LENGTHS = ".wav_lengths"


def patch() -> None:
    on_import("s3prl.downstream.sv_voxceleb1.dataset", before=_lend_pysox, after=_patch_dataset)
    on_import("s3prl.downstream.sv_voxceleb1.expert", after=_patch_expert)


def _lend_pysox() -> None:
    if PYSOX not in sys.modules and find_spec(PYSOX) is None:
        sys.modules[PYSOX] = ModuleType(PYSOX)
        sys.modules[PYSOX].Transformer = None  # type: ignore[attr-defined]


def _patch_dataset(module: Any) -> None:
    if PYSOX in sys.modules and sys.modules[PYSOX].__spec__ is None:
        del sys.modules[PYSOX]
    dataset = module.SpeakerVerifi_train
    original = dataset.__init__

    @functools.wraps(original)
    def __init__(self: Any, vad_config: Any, key_list: Any, file_path: Any, *args: Any, **kwargs: Any) -> None:
        import joblib

        # the program sox is waited for in threads; libsox takes processes, and s3prl asks for twelve on any machine
        backend = "threading" if sox_effects.replaced() else "loky"
        kwargs.setdefault("n_jobs", min(12, os.cpu_count() or 1))

        def read(folder: Path) -> None:
            here, module.__file__ = (module.__file__, str(folder / "dataset.py"))  # the lengths are kept beside it
            try:
                with joblib.parallel_backend(backend):
                    original(self, vad_config, key_list, file_path, *args, **kwargs)
            finally:
                module.__file__ = here

        kept = user_cache() / "sv_voxceleb1" / _digest(file_path)
        with first_process_first():
            if not (kept / LENGTHS).is_dir():  # measured into another folder, then moved: a killed run leaves no half
                kept.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=kept) as folder:
                    read(Path(folder))
                    (Path(folder) / LENGTHS).replace(kept / LENGTHS)
            else:
                read(kept)

    dataset.__init__ = __init__


def _digest(roots: list[Path]) -> str:
    """What the lengths belong to: the corpus's folder and the speakers in it."""
    digest = hashlib.sha256()
    for root in roots:
        names = sorted(folder.name for folder in Path(root).iterdir())
        digest.update("\n".join([str(Path(root).resolve()), *names]).encode())
    return digest.hexdigest()[:16]


def _patch_expert(module: Any) -> None:
    import torch

    pad, features_on = module.pad_sequence, [torch.device("cpu")]

    class Mask(torch.Tensor):
        """A tensor that goes where the features are when it is sent to the GPU."""

        def cuda(self, *args: Any, **kwargs: Any) -> torch.Tensor:
            return self.as_subclass(torch.Tensor).to(features_on[0])

    @functools.wraps(pad)
    def pad_sequence(sequences: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        padded = pad(sequences, *args, **kwargs)
        if padded.dim() == 2:  # the mask; features have three dimensions and are padded before it
            return padded.as_subclass(Mask)
        features_on[0] = padded.device
        return padded

    module.pad_sequence = pad_sequence


REMEDY = Remedy(
    name="asv_recipe",
    target="s3prl.downstream.sv_voxceleb1",
    why="the ASV recipe calls .cuda() whatever --device says, imports pysox without using it, and caches the lengths "
    "of its training files in site-packages without a key",
    needed=lambda: True,
    patch=patch,
)
