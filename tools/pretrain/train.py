"""One iteration of masked prediction, resumable to the same next step after a kill."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import HubertConfig, HubertModel

from s3prl_convexprune.atomic import write_bytes, write_text
from s3prl_convexprune.errors import CheckpointError

from .audio import Streams
from .model import MaskedPrediction, span_mask

_WINDOW_FRAMES = (50, 100, 200, 400)
_LOG_EVERY = 50
LOGGED = ("loss_hidden", "accuracy_hidden", "loss_visible", "accuracy_visible")


@dataclass(frozen=True)
class Schedule:
    """How one iteration trains.

    Attributes:
        steps: number of updates.
        batch_seconds: audio in one update.
        learning_rate: the peak, reached after a tenth of the steps; linear decay to zero from there.
        mask_share: share of frames hidden.
        unmasked_weight: weight of the loss on the frames that are not hidden (HuBERT: 0).
        seed: of the weights, windows and masks.
        bfloat16: compute in bfloat16 where PyTorch's autocast says that is safe.
        save_every: steps between checkpoints.
    """

    steps: int
    batch_seconds: float = 8.0
    learning_rate: float = 1e-3
    mask_share: float = 0.5
    unmasked_weight: float = 0.5
    seed: int = 0
    bfloat16: bool = False
    save_every: int = 500


class Trainer:
    """Trains one model on one set of targets.

    Args:
        streams: the audio.
        targets: the clusters of every frame, shape (frames of all streams, k-means models).
        config: of the encoder.
        schedule: see `Schedule`.
        start: an encoder of the same config whose weights to start from; None starts from random ones.
    """

    def __init__(
        self,
        streams: Streams,
        targets: Tensor,
        config: HubertConfig,
        schedule: Schedule,
        start: HubertModel | None = None,
    ):
        self.streams, self.targets, self.schedule = streams, targets, schedule
        torch.manual_seed(schedule.seed)
        self.model = MaskedPrediction(config, (targets.max(0).values + 1).tolist())
        self.model.to(streams.samples.device).train()
        if start is not None:
            self.model.encoder.load_state_dict(start.state_dict())
        groups = [
            {"params": [p for p in self.model.parameters() if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for p in self.model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        fused = streams.samples.is_cuda
        self.optimizer = torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=(0.9, 0.98), fused=fused)
        self.step = 0
        self.log: list[dict[str, float]] = []

    def run(self, folder: Path) -> MaskedPrediction:
        """Train to the end, from ``folder/checkpoint.pt`` if it is there.

        Args:
            folder: for the checkpoint and ``log.jsonl`` (mean loss and accuracy of every 50 steps, on hidden
                and on visible frames).

        Returns:
            The model in evaluation mode.
        """
        checkpoint = folder / "checkpoint.pt"
        if checkpoint.is_file():
            self.load(checkpoint)
        steps, recent = self.schedule.steps, list[Tensor]()
        with tqdm(initial=self.step, total=steps, desc=folder.name, unit="step", mininterval=10) as bar:
            while self.step < steps:
                recent.append(self.update())
                bar.update()
                if self.step % _LOG_EVERY == 0 or self.step == steps:
                    values = zip(LOGGED, torch.stack(recent).mean(0).tolist(), strict=True)
                    self.log.append({"step": self.step, **{name: round(value, 4) for name, value in values}})
                    recent.clear()
                if self.step % self.schedule.save_every == 0 or self.step == steps:
                    self.save(checkpoint)
        write_text(folder / "log.jsonl", "".join(json.dumps(line) + "\n" for line in self.log))
        return self.model.eval()

    def update(self) -> Tensor:
        """One step; everything random in it is drawn from the seed and the step's number.

        Returns:
            The values named in `LOGGED`, shape (4,).
        """
        schedule, device = self.schedule, self.targets.device
        torch.manual_seed(schedule.seed * 1_000_003 + self.step)
        generator = torch.Generator().manual_seed(schedule.seed * 1_000_003 + self.step)
        longest = max(self.streams.frames)
        lengths = [frames for frames in _WINDOW_FRAMES if frames <= longest]
        frames = lengths[int(torch.randint(len(lengths), (1,), generator=generator))]
        count = max(1, round(schedule.batch_seconds * 50 / frames))
        samples, index = self.streams.windows(frames, count, generator)
        mask = span_mask(count, frames, schedule.mask_share, generator).to(device)
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate * _rate(self.step, schedule.steps)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=schedule.bfloat16):
            loss, right = self.model(samples, self.targets[index], mask)
        hidden, visible = loss[mask].mean(), loss[~mask].mean()
        self.optimizer.zero_grad(set_to_none=True)
        (hidden + schedule.unmasked_weight * visible).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return torch.stack([hidden, right[mask].mean(), visible, right[~mask].mean()]).detach()

    def save(self, path: Path) -> None:
        """Write all that the next step depends on; the file is whole or not there."""
        content = io.BytesIO()
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "log": self.log,
            "schedule": asdict(self.schedule),
        }
        torch.save(state, content)
        write_bytes(path, content.getvalue())

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            CheckpointError: it was made with another schedule.
        """
        state = torch.load(path, map_location=self.targets.device, weights_only=True)
        if state["schedule"] != asdict(self.schedule):
            raise CheckpointError(
                f"{path} was made with {state['schedule']}, not {asdict(self.schedule)}; use another folder"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.log = state["step"], state["log"]


def _rate(step: int, steps: int) -> float:
    """Linear from 0 to 1 over a tenth of the steps, then linear to 0."""
    warm = max(1, steps // 10)
    return min((step + 1) / warm, (steps - step) / max(1, steps - warm))
