"""Checkpoints that a killed process never leaves half-written."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from speechbrain.utils.checkpoints import METAFNAME, Checkpoint, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, if_main_process

UNFINISHED = f"{METAFNAME}.unfinished"


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's Checkpointer, whose checkpoints count only once they are whole.

    SpeechBrain writes a checkpoint's meta file first and takes its presence for a checkpoint: a process
    killed between that and the last parameter file leaves the newest checkpoint unreadable, and the next run
    stops on it. Here the meta file gets its name after the last parameter file; what a killed process left
    unfinished is removed at the next start.

    Args:
        *args: as SpeechBrain's Checkpointer: `checkpoints_dir`, `recoverables`, ...
        **kwargs: the same.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if if_main_process():
            for marker in self.checkpoints_dir.glob(f"*/{UNFINISHED}"):
                shutil.rmtree(marker.parent)

    def save_checkpoint(
        self, meta: Any = None, end_of_epoch: bool = True, name: str | None = None, verbosity: int = logging.INFO
    ) -> Checkpoint | None:
        """As SpeechBrain's."""
        saved = super().save_checkpoint(meta or {}, end_of_epoch, name, verbosity)
        if saved is not None:
            (saved.path / UNFINISHED).replace(saved.path / METAFNAME)
        ddp_barrier()
        return saved

    def _save_checkpoint_metafile(self, fpath: Path, meta_to_include: Any = None, end_of_epoch: bool = True) -> Any:
        return super()._save_checkpoint_metafile(fpath.with_name(UNFINISHED), meta_to_include or {}, end_of_epoch)
