"""The encoder, and the head that predicts each masked frame's cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertModel

_PROJECTED = 64
_TEMPERATURE = 0.1
_MASK_SPAN = 10


def tiny_config(pre_norm: bool = False) -> HubertConfig:
    """HuBERT Base's architecture, narrowed: 12 layers of 128 units, 2.6 million parameters.

    Args:
        pre_norm: the "large" models' order of LayerNorm.

    Masks are given with the input, so `mask_time_prob` only says that there is a mask embedding. Eager attention is
    the fastest on a CPU at this size.
    """
    settings: dict[str, Any] = {
        "hidden_size": 128,
        "num_hidden_layers": 12,
        "num_attention_heads": 4,
        "intermediate_size": 512,
        "conv_dim": (64,) * 7,
        "num_conv_pos_embeddings": 64,
        "num_conv_pos_embedding_groups": 8,
        "feat_extract_norm": "group",
        "do_stable_layer_norm": pre_norm,
        **dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout"), 0.0),
        "layerdrop": 0.0,
        "mask_time_prob": 0.5,
        "attn_implementation": "eager",
    }
    return HubertConfig(**settings)


class MaskedPrediction(nn.Module):
    """HuBERT's pretraining objective: cosine similarity to one code vector a cluster, cross-entropy.

    Several k-means models may be predicted at once, each by its own projection and codes: HuBERT's cluster
    ensembles (arXiv 2106.07447, section II.C).

    Args:
        config: of the encoder.
        clusters: number of clusters of each k-means model.
    """

    def __init__(self, config: HubertConfig, clusters: Sequence[int]):
        super().__init__()
        self.encoder = HubertModel(config)
        self.projects = nn.ModuleList(nn.Linear(config.hidden_size, _PROJECTED) for _ in clusters)
        self.codes = nn.ParameterList(torch.randn(count, _PROJECTED) for count in clusters)

    def forward(self, samples: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            samples: shape (batch, time).
            targets: clusters, shape (batch, frames, k-means models).
            mask: True where the encoder must not see the frame, shape (batch, frames).

        Returns:
            Cross-entropy of each frame and the share of predictions that were right, means over the k-means
            models, both shape (batch, frames).
        """
        states = self.encoder(samples, mask_time_indices=mask).last_hidden_state
        losses, right = [], []
        for project, codes, target in zip(self.projects, self.codes, targets.unbind(-1), strict=True):
            unit_states = nn.functional.normalize(project(states).float(), dim=-1)
            cosines = unit_states @ nn.functional.normalize(codes, dim=-1).T
            logits = (cosines / _TEMPERATURE).transpose(1, 2)
            losses.append(nn.functional.cross_entropy(logits, target, reduction="none"))
            right.append(cosines.argmax(-1) == target)
        return torch.stack(losses).mean(0), torch.stack(right).float().mean(0)


def span_mask(batch: int, frames: int, share: float, generator: torch.Generator) -> Tensor:
    """Spans of 200 ms, started at random so that about `share` of the frames are covered.

    A frame stays uncovered when none of the ten positions up to it starts a span, so a start has
    probability p with (1 - p)^10 = 1 - share.

    Returns:
        bool, shape (batch, frames), on the CPU; every row has at least one True.
    """
    start = 1 - (1 - share) ** (1 / _MASK_SPAN)
    starts = torch.rand(batch, frames, generator=generator) < start
    rows = torch.arange(batch)
    starts[rows, torch.randint(frames, (batch,), generator=generator)] = True
    padded = nn.functional.pad(starts.float(), (_MASK_SPAN - 1, 0))
    return nn.functional.max_pool1d(padded[:, None], _MASK_SPAN, stride=1)[:, 0] > 0


def save_encoder(encoder: HubertModel, folder: Any) -> None:
    """Write the encoder as ``config.json``, ``model.safetensors`` and ``preprocessor_config.json``.

    Weights are stored as float16; the config says float32, which is what loading then gives.
    """
    from transformers import Wav2Vec2FeatureExtractor

    config = HubertConfig.from_dict({**encoder.config.to_dict(), "apply_spec_augment": False})
    copy = HubertModel(config)
    copy.load_state_dict({name: tensor.detach().float().cpu() for name, tensor in encoder.state_dict().items()})
    copy.half().save_pretrained(folder)
    config.dtype = torch.float32
    config.architectures = ["HubertModel"]
    config.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(
        feature_size=1, sampling_rate=16000, padding_value=0.0, do_normalize=False, return_attention_mask=True
    ).save_pretrained(folder)
