"""What `analyze` is asked for, as one value that processes and jobs hand on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from ..convexity.approximate import ACROSS, import_faiss
from ..errors import ConfigError, nearest
from ..numbers import AT_LEAST_ONE, BLOCKS, CLASSES, SEED, SOURCES, WORKERS
from ..upstreams.finetuned import FineTunedRun
from .batches import Batching
from .protocols import Protocol
from .scoring import MACS_SECONDS

CONTEXTS = ("file", "segment")
APPROXIMATE = "approximate (faiss's inverted file on principal components), nearest found measured in all dimensions"


def cut_out(context: str) -> bool:
    """Whether a segment is cut out of its file before the upstream hears it.

    Raises:
        ConfigError: the context is neither ``file`` nor ``segment``.
    """
    if context not in CONTEXTS:
        raise ConfigError(f"--context {context}{nearest(context, CONTEXTS)}")
    return context == "segment"


@dataclass(frozen=True)
class Request:
    """What is asked for: `analyze`'s arguments; a split of None is ``train`` where the corpus has it.

    Raises:
        ConfigError: a number out of range, a word that is not known, or two that do not go together.
        InstallationError: what approximate neighbours need is not installed.
    """

    upstream: str
    label: str
    corpus: str
    ckpt: str | None
    run: FineTunedRun | None
    split: str | None
    per_class: int
    classes: int | None
    neighbors: int
    max_sources: int | Literal["auto"] | None
    seed: int
    protocol: Protocol
    batching: Batching
    precision: Literal["bf16"] | None
    workers: int | None
    group: str | None
    group_blocks: int | None
    across: str | None
    device: str
    keep_points: bool
    approximate: bool
    layer_jobs: int

    def __post_init__(self) -> None:
        AT_LEAST_ONE.check("per_class", self.per_class)
        AT_LEAST_ONE.check("neighbors", self.neighbors)
        AT_LEAST_ONE.check("layer_jobs", self.layer_jobs)
        SEED.check("seed", self.seed)
        optional = (
            ("classes", self.classes, CLASSES),
            ("max_sources", self.max_sources, SOURCES),
            ("group_blocks", self.group_blocks, BLOCKS),
            ("workers", self.workers, WORKERS),
        )
        for name, value, numbers in optional:
            if value is not None:
                numbers.check(name, value)
        if self.approximate:
            import_faiss()
            if self.across is not None:
                raise ConfigError(f"--approximate does not go with --across: {ACROSS}")

    @property
    def context(self) -> Literal["file", "segment"]:
        """What is heard with a segment: the file that it lies in, or the segment alone."""
        return "segment" if self.batching.cut_out else "file"

    @property
    def settings(self) -> dict[str, Any]:
        """What the artifact states as its settings."""
        return {
            "per_class": self.per_class,
            "classes": self.classes,
            "neighbors": self.neighbors,
            "max_sources": self.max_sources,
            "approximate": self.approximate,
            "seed": self.seed,
            "split": self.split,
            "device": torch.device(self.device).type,
            "protocol": self.protocol.name,
            **{key: value for key, value in asdict(self.protocol).items() if key != "name"},
            **({"neighbor_search": APPROXIMATE} if self.approximate else {}),
            "macs_seconds": MACS_SECONDS,
            "precision": self.precision,
            "context": self.context,
            "group": self.group,
            "group_blocks": self.group_blocks,
            "across": self.across,
        }
