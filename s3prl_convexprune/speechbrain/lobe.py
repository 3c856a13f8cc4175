"""The lobe: an s3prl upstream as a SpeechBrain module, with the arguments of SpeechBrain's own SSL wrappers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import AudioError, ConfigError, DataError, DepthError
from ..sampling import SAMPLE_RATE
from ..upstreams.families import family_of
from ..upstreams.prune import num_layers, prune_upstream
from ..upstreams.registry import build_upstream
from . import trainable
from .framing import framing_of

SELECTIONS = ("last", "weighted")


class PrunedUpstream(nn.Module):
    """An upstream of s3prl's hub, whole or cut, as `speechbrain.integrations.huggingface` wraps those of Hugging Face.

    The utterances of a padded batch reach the upstream with their own lengths, so that it masks the padding; frames
    past an utterance's end are zero in the output. What an architecture itself does with padding stays: the group
    norm of "base" models runs over the whole padded waveform.

    Args:
        source: the upstream's name on the hub, such as ``hubert``, ``hubert_convexpruned_L6`` or a config's name.
        ckpt: checkpoint, for upstreams that take one (``-k`` of s3prl).
        model_config: model configuration, for upstreams that take one (``-g`` of s3prl).
        layer: which hidden state comes out: ``"last"``; ``"weighted"``, a learned softmax-weighted sum of all states
            (SUPERB's); or a number k, the state after k transformer layers. Layers above k cannot reach that
            output and are cut away, so the family must be one that can be cut.
        output_all_hiddens: return every hidden state, stacked first, and leave the choice to the recipe.
        output_norm: normalise each utterance over its own frames and channels, without affine parameters.
        layernorm: for ``layer="weighted"``, normalise each state over its channels before the sum.
        freeze: no gradient and eval mode (no dropout) throughout; the weights of the sum stay trainable.
        freeze_feature_extractor: the same for the convolutional front end alone. When False the front end is trained,
            which s3prl's own experts never do (they set ``feature_grad_mult`` to 0).
        gradient_checkpointing: recompute each transformer layer in the backward pass instead of keeping its
            activations.

    Raises:
        UnknownUpstreamError, CheckpointError: from the registry.
        DepthError: `layer` is a number the upstream does not have.
        ConfigError: arguments that contradict each other, or that this upstream cannot serve.

    Shape:
        - wav: `[batch, samples]`, 16 kHz, float; wav_lens: `[batch]`, lengths relative to the longest.
        - output: `[batch, frames, output_size]`, or `[states, batch, frames, output_size]` for all hidden states.
    """

    def __init__(
        self,
        source: str,
        ckpt: str | None = None,
        model_config: str | None = None,
        layer: str | int = "last",
        output_all_hiddens: bool = False,
        output_norm: bool = False,
        layernorm: bool = False,
        freeze: bool = False,
        freeze_feature_extractor: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if output_all_hiddens and layer != "last":
            raise ConfigError(
                f"output_all_hiddens returns every hidden state; layer {layer!r} would choose one, leave it out"
            )
        if isinstance(layer, bool) or not (layer in SELECTIONS or (isinstance(layer, int) and layer >= 0)):
            raise ConfigError(f"layer must be 'last', 'weighted' or a number of transformer layers, not {layer!r}")
        if freeze and gradient_checkpointing:
            raise ConfigError(
                "gradient_checkpointing saves memory in the backward pass, which a frozen upstream has none of"
            )
        self.source = source
        self.layer = layer
        self.output_all_hiddens = output_all_hiddens
        self.output_norm = output_norm
        self.layernorm = layernorm
        self.freeze = freeze
        self.freeze_feature_extractor = freeze_feature_extractor
        self.upstream: nn.Module = build_upstream(source, ckpt=ckpt, model_config=model_config)
        trainable.disable_random_layers(self.upstream)
        self.selected = self._keep(layer) if isinstance(layer, int) else -1
        self.front_end = trainable.front_end(self.upstream)
        states = self._probe()
        self.framing = framing_of(self.upstream, self.front_end)
        self.num_states = len(states)
        self.output_size = states[-1].shape[-1]
        self.weights = nn.Parameter(torch.zeros(self.num_states)) if layer == "weighted" else None
        self._set_trainable()
        if gradient_checkpointing:
            trainable.checkpoint_layers(self.upstream)

    def _keep(self, layer: int) -> int:
        """Cut the layers above `layer` away; returns the index of the state to take."""
        first = family_of(self.upstream).first_state
        depth = num_layers(self.upstream)
        if not first <= layer <= depth:
            raise DepthError(
                f"{self.source} gives the states after {first}..{depth} transformer layers; layer {layer} is not one"
            )
        if layer < depth:
            prune_upstream(self.upstream, layer, "drop")  # the state as the whole upstream has it
        return layer - first

    @torch.no_grad()
    def _probe(self) -> Sequence[Tensor]:
        noise = torch.randn(SAMPLE_RATE, generator=torch.Generator().manual_seed(0))
        self.upstream.eval()
        return self._states([noise])

    def _set_trainable(self) -> None:
        for parameter in self.upstream.parameters():
            parameter.requires_grad_(not self.freeze)
        if self.freeze or self.freeze_feature_extractor:
            if self.front_end is None and not self.freeze:
                raise ConfigError(
                    f"{self.source} has no convolutional feature extractor; leave out freeze_feature_extractor"
                )
            trainable.freeze_front_end(self.upstream)
        else:
            trainable.train_front_end(self.upstream)
        self.train(self.training)

    def train(self, mode: bool = True) -> PrunedUpstream:
        """As `torch.nn.Module.train`, but what is frozen stays in eval mode: a frozen upstream has no dropout."""
        super().train(mode)
        if self.freeze:
            self.upstream.eval()
        elif self.freeze_feature_extractor and self.front_end is not None:
            self.front_end.eval()
        return self

    @property
    def num_layers(self) -> int:
        """Transformer layers of the upstream; for one of unknown family, the hidden states after the first."""
        try:
            return num_layers(self.upstream)
        except DepthError:
            return self.num_states - 1

    def head_parameters(self) -> list[nn.Parameter]:
        """The weights of the sum over layers, which learn at the head's rate; empty unless ``layer="weighted"``."""
        return [] if self.weights is None else [self.weights]

    def upstream_parameters(self) -> list[nn.Parameter]:
        """The parameters of the upstream that are trained."""
        return [parameter for parameter in self.upstream.parameters() if parameter.requires_grad]

    def frame_lens(self, wav: Tensor, wav_lens: Tensor | None, num_frames: int) -> Tensor:
        """Relative lengths of the output, for pooling and CTC.

        Waveform lengths times the number of frames round to one frame too many or too few for some utterances; these
        round to the frames that the upstream gives for the utterance alone.

        Args:
            wav: `[batch, samples]`.
            wav_lens: `[batch]`, relative lengths; None for full length.
            num_frames: frames of the output.

        Returns:
            `[batch]`, relative to `num_frames`.
        """
        frames = [self._frames(samples, num_frames) for samples in _lengths(wav, wav_lens)]
        return torch.tensor(frames, device=wav.device, dtype=torch.float32) / num_frames

    def _frames(self, samples: int, most: int) -> int:
        return min(self.framing.frames(samples), most)

    def _states(self, wavs: list[Tensor]) -> Sequence[Tensor]:
        states = self.upstream(wavs).get("hidden_states")
        if not states:
            raise DataError(f"{self.source} returns no hidden_states; it cannot stand in a recipe")
        if len({state.shape for state in states}) > 1 and (self.output_all_hiddens or self.layer == "weighted"):
            shapes = sorted({tuple(state.shape[1:]) for state in states})
            raise DataError(
                f"{self.source}: hidden states differ in shape {shapes}; take one, with layer: last or a number"
            )
        return states

    def forward(self, wav: Tensor, wav_lens: Tensor | None = None) -> Tensor:
        """Hidden states of a padded batch; see the class for shapes.

        Raises:
            AudioError: an utterance is too short for one frame.
        """
        lengths = _lengths(wav, wav_lens)
        if self.framing.frames(min(lengths)) < 1:
            raise AudioError(f"{min(lengths)} samples are too short for one frame of {self.source}")
        with torch.no_grad() if self.freeze else contextlib.nullcontext():
            states = self._states([row[:samples] for row, samples in zip(wav, lengths, strict=True)])
        num_frames = states[-1].shape[1]
        frames = torch.tensor([self._frames(samples, num_frames) for samples in lengths], device=wav.device)
        inside = (torch.arange(num_frames, device=wav.device) < frames[:, None]).unsqueeze(-1)
        out = self._choose(states).masked_fill(~inside, 0.0)
        return _normalise(out, inside) if self.output_norm else out

    def _choose(self, states: Sequence[Tensor]) -> Tensor:
        if self.output_all_hiddens:
            return torch.stack(list(states))
        if self.weights is None:
            return states[self.selected]
        stacked = torch.stack(list(states))
        if self.layernorm:
            stacked = F.layer_norm(stacked, stacked.shape[-1:])
        return (torch.softmax(self.weights, dim=0).view(-1, 1, 1, 1) * stacked).sum(dim=0)

    def extra_repr(self) -> str:
        return f"{self.source!r}, layer={self.layer!r}, freeze={self.freeze}"


def _lengths(wav: Tensor, wav_lens: Tensor | None) -> list[int]:
    if wav_lens is None:
        return [wav.shape[1]] * wav.shape[0]
    return torch.round(wav_lens * wav.shape[1]).long().tolist()


def _normalise(out: Tensor, inside: Tensor, eps: float = 1e-5) -> Tensor:
    """Layer norm over the frames and channels of each utterance, padding left out; `out` is zero outside `inside`."""
    out = out.float()
    count = inside.sum(dim=1, keepdim=True) * out.shape[-1]
    mean = out.sum(dim=(-2, -1), keepdim=True) / count
    centred = (out - mean) * inside
    variance = centred.square().sum(dim=(-2, -1), keepdim=True) / count
    return centred / torch.sqrt(variance + eps)
