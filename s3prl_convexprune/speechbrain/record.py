"""What a fine-tuning run says of itself, `record.json`: a recipe's process writes it, the comparison reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MinLen

from ..results.result import Memory, Seconds
from ..schema import Artifact, AtLeastOne, Count, Part, Positive, Sha256


@dataclass(frozen=True)
class EpochRecord(Part):
    """One epoch: optimizer steps until its end, mean loss, the recipe's metrics on dev, time of its training steps."""

    epoch: AtLeastOne
    train_seconds: Seconds
    step: Count
    train_loss: float
    valid: dict[str, float]


@dataclass(frozen=True)
class Record(Artifact):
    """One run of a recipe.

    Attributes:
        task, fold, upstream, seed: what was trained.
        layers: transformer layers of the upstream.
        upstream_parameters, head_parameters: what was trained of each.
        criterion: the metric on dev, smaller is better, that chose the checkpoint.
        test: the recipe's metrics on the test set.
        epochs: in order.
        lr_upstream: learning rate of the upstream.
        steps: optimizer steps of the chosen checkpoint.
        inference_seconds: of the forward passes over the test set.
        test_audio_seconds: its length.
        peak_memory: of the process.
        device: ``cpu``, or the GPU's model.
        precision: ``fp32``, ``bf16`` or ``fp16``.
        versions: package -> version.
        manifests: fingerprint of the manifests.
        upstream_sha256: of the weights that the upstream began with.
    """

    FORMAT: ClassVar[str] = "record"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune finetune"

    task: str
    fold: str | None
    upstream: str
    seed: Count
    layers: Count
    upstream_parameters: AtLeastOne
    head_parameters: Count
    criterion: str
    test: dict[str, float]
    epochs: Annotated[tuple[EpochRecord, ...], MinLen(1)]
    lr_upstream: Positive
    steps: Count
    inference_seconds: Seconds
    test_audio_seconds: Positive
    peak_memory: Memory
    device: str
    precision: str
    versions: dict[str, str]
    manifests: str
    upstream_sha256: Sha256

    def __post_init__(self) -> None:
        for number, epoch in enumerate(self.epochs):
            if self.criterion not in epoch.valid:
                raise ValueError(f"epochs.{number}.valid.{self.criterion} is missing")

    @property
    def best(self) -> EpochRecord:
        """The epoch whose checkpoint was tested."""
        return min(self.epochs, key=lambda epoch: epoch.valid[self.criterion])
