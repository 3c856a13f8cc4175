"""The Brain of the recipes that give an utterance one label: mean over frames, one linear layer."""

from __future__ import annotations

from typing import Any

import speechbrain as sb
import torch
from torch import Tensor

from .brain import FineTuningBrain


class UtteranceClassifier(FineTuningBrain):
    """Speakers, keywords, emotions: SUPERB's head, mean pooling and a linear classifier.

    Hyperparameters beside `FineTuningBrain`'s: `wav_augment` (null for none), `compute_cost`, `error_stats`,
    `label_encoder`; module `classifier`. Batches have `sig` and `label_encoded`.
    """

    def waveforms(self, batch: Any, stage: sb.Stage) -> tuple[Tensor, Tensor]:
        """The batch's waveforms and relative lengths; in training augmented, with the copies that augmentation adds."""
        wavs, lens = batch.to(self.device).sig
        if stage == sb.Stage.TRAIN and self.hparams.wav_augment is not None:
            wavs, lens = self.hparams.wav_augment(wavs, lens)
        return wavs, lens

    def compute_forward(self, batch: Any, stage: sb.Stage) -> Tensor:
        """Log-probabilities, `[batch, classes]`; outputs of the head that no label has take no part."""
        wavs, lens = self.waveforms(batch, stage)
        feats = self.modules.lobe(wavs, lens)
        frame_lens = self.hparams.lobe.frame_lens(wavs, lens, feats.shape[1])
        logits = self.modules.classifier(mean_over_frames(feats, frame_lens))
        return torch.log_softmax(logits[:, : len(self.hparams.label_encoder)].float(), dim=-1)

    def compute_objectives(self, predictions: Tensor, batch: Any, stage: sb.Stage) -> Tensor:
        labels = batch.label_encoded.data.squeeze(1).to(self.device)
        if stage == sb.Stage.TRAIN and self.hparams.wav_augment is not None:
            labels = self.hparams.wav_augment.replicate_labels(labels)
        if stage != sb.Stage.TRAIN:
            self.error_metrics.append(batch.id, predictions, labels)
        if stage == sb.Stage.TEST:
            decode = self.hparams.label_encoder.decode_torch
            self.answers += zip(batch.id, decode(predictions.argmax(dim=-1)), decode(labels), strict=True)
        return self.hparams.compute_cost(predictions, labels)

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        super().on_stage_start(stage, epoch)
        if stage != sb.Stage.TRAIN:
            self.error_metrics = self.hparams.error_stats()

    def stage_metrics(self) -> dict[str, float]:
        return {"error_rate": 100 * float(self.error_metrics.summarize("average"))}


def mean_over_frames(feats: Tensor, frame_lens: Tensor) -> Tensor:
    """Mean over each utterance's own frames.

    Args:
        feats: `[batch, frames, channels]`, zero past each utterance's end (as `PrunedUpstream` gives them).
        frame_lens: `[batch]`, relative lengths.

    Returns:
        `[batch, channels]`.

    >>> mean_over_frames(torch.tensor([[[1.0], [3.0], [0.0], [0.0]]]), torch.tensor([0.5]))
    tensor([[2.]])
    """
    return feats.sum(dim=1) / torch.round(frame_lens * feats.shape[1]).unsqueeze(1)
