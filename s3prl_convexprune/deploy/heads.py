"""The trained head that travels with a graph: an s3prl experiment's, or a fine-tuning's."""

from __future__ import annotations

from pathlib import Path

from ..upstreams.config import UpstreamConfig
from ..upstreams.finetuned import RECORD
from .experiment_head import read_experiment
from .finetuned_head import read_finetuned
from .head import Head


def read_head(trained: str | Path, config: UpstreamConfig, ckpt: str | None = None) -> Head:
    """The head that was trained on a cut.

    Args:
        trained: the folder of an s3prl experiment, whose `dev-best.ckpt` is read, or such a checkpoint; or the folder
            of a finished SpeechBrain run.
        config: the cut.
        ckpt: the whole upstream's checkpoint, which a frozen upstream's head must have been trained on; goes before the
            config's own.

    Raises:
        CheckpointError: there is no such checkpoint, or it is of another kind.
        ConfigError: it was trained on another upstream or checkpoint, its layers do not fit, or such a head does not
            travel.
    """
    if (Path(trained) / RECORD).is_file():
        return read_finetuned(trained, config)
    return read_experiment(trained, config, ckpt)
