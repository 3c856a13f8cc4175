"""SUPERB's head of ASR: a weighted sum over the hidden states, a projector, LSTMs, a linear layer; logits a frame.

s3prl packs a padded batch for its LSTMs, which an exporter cannot follow. The waveforms of a graph's batch have one
length, so nothing is padded there and the plain LSTM on whole sequences is the same function. torch's exporter would
unroll that too, to the length it was shown; so in the graph it is ONNX's own operation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..schema import read_text
from .head import Head

#: What the recipe's section of the model must say, each for every layer where it is a list.
SUPERB = {"module": "LSTM", "total_rate": -1, "layer_norm": False, "proj": False, "sample_rate": 1}
ONNX_GATES = (0, 3, 1, 2)  # input, output, forget, cell; torch has input, forget, cell, output


class FrameHead(nn.Module):
    """From hidden states, ``[batch, frames, width]`` each, to logits ``[batch, frames, labels]``.

    Args:
        shares: of the states in their sum.
        projector: from the upstream's width to that of the LSTMs.
    """

    def __init__(self, shares: Tensor, projector: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("shares", shares)
        self.projector = projector

    def forward(self, states: list[Tensor]) -> Tensor:
        shares = self.get_buffer("shares")
        feature = torch.stack([share * state for share, state in zip(shares, states, strict=True)]).sum(0)
        return self.logits(self.projector(feature))

    def logits(self, feature: Tensor) -> Tensor:
        """What follows the projector."""
        raise NotImplementedError


class PackedHead(FrameHead):
    """The head by s3prl's own modules; `model` is its ``RNNs``."""

    def __init__(self, shares: Tensor, projector: nn.Linear, model: Any) -> None:
        super().__init__(shares, projector)
        self.model = model.eval()

    def logits(self, feature: Tensor) -> Tensor:
        logits: Tensor = self.model(feature, torch.full((len(feature),), feature.shape[1]))[0]
        return logits


class TracedHead(FrameHead):
    """The same function in operations that an exporter can follow; it cannot be run in torch."""

    def __init__(self, packed: PackedHead) -> None:
        super().__init__(packed.get_buffer("shares"), packed.projector)
        self.lstms = nn.ModuleList([_WholeLSTM(rnn.layer) for rnn in packed.model.rnns])
        self.linear = packed.model.linear

    def logits(self, feature: Tensor) -> Tensor:
        for lstm in self.lstms:
            feature = lstm(feature)
        logits: Tensor = self.linear(feature)
        return logits


class _WholeLSTM(nn.Module):
    """An LSTM of torch with one layer, as ONNX states it: ``[batch, frames, width]`` -> ``[batch, frames, width']``."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.hidden, self.both = lstm.hidden_size, lstm.bidirectional
        held = dict(lstm.named_parameters())
        ends = ("", "_reverse") if self.both else ("",)
        for name, onnx in {"ih": "inputs", "hh": "recurrence"}.items():
            weights = torch.stack([_onnx_order(held[f"weight_{name}_l0{end}"]) for end in ends])
            self.register_buffer(onnx, weights)
        biases = [[_onnx_order(held[f"bias_{name}_l0{end}"]) for name in ("ih", "hh")] for end in ends]
        self.register_buffer("biases", torch.stack([torch.cat(pair) for pair in biases]))

    def forward(self, feature: Tensor) -> Tensor:
        weights = (self.get_buffer(name) for name in ("inputs", "recurrence", "biases"))
        found = _lstm(feature.transpose(0, 1), *weights, self.hidden, self.both)
        return found.permute(2, 0, 1, 3).flatten(2)


def _onnx_order(gates: Tensor) -> Tensor:
    parts = gates.detach().chunk(4)
    return torch.cat([parts[at] for at in ONNX_GATES])


SCHEMA = "(Tensor feature, Tensor inputs, Tensor recurrence, Tensor biases, int hidden, bool both) -> Tensor"


# stated, because torch before 2.5 does not read annotations that are text
@torch.library.custom_op("s3prl_convexprune::lstm", mutates_args=(), schema=SCHEMA)
def _lstm(feature: Tensor, inputs: Tensor, recurrence: Tensor, biases: Tensor, hidden: int, both: bool) -> Tensor:
    """ONNX's LSTM: ``[frames, batch, width]`` -> ``[frames, directions, batch, hidden]``."""
    raise NotImplementedError("it stands for an operation of a graph")


@_lstm.register_fake
def _(feature: Tensor, inputs: Tensor, recurrence: Tensor, biases: Tensor, hidden: int, both: bool) -> Tensor:
    return feature.new_empty(feature.shape[0], len(inputs), feature.shape[1], hidden)


def _as_onnx(feature: Any, inputs: Any, recurrence: Any, biases: Any, hidden: int, both: bool) -> Any:
    from onnxscript import opset20 as op

    direction = "bidirectional" if both else "forward"
    return op.LSTM(feature, inputs, recurrence, biases, hidden_size=hidden, direction=direction)[0]


def read_recurrent(where: str, args: Any, expert: dict[str, Any], held: dict[str, Tensor], weights: Tensor) -> Head:
    """The head of ASR, with the characters of the dictionary that it was trained with; arguments as `read_linear`.

    Raises:
        ConfigError: it is another head, or its weights do not fit what its recipe says.
        ArtifactError: the dictionary is no longer there.
    """
    rates, data = expert["modelrc"], expert["datarc"]
    if (kind := rates.get("select")) != "RNNs":
        raise ConfigError(f"{where}: a head of ASR of the kind {kind} does not travel; RNNs does")
    for key, expected in SUPERB.items():
        found = rates["RNNs"].get(key)
        if any(one != expected for one in (found if isinstance(found, (list, tuple)) else [found])):
            raise ConfigError(f"{where}: its RNNs have {key} {found}; a head travels with SUPERB's {expected}")
    labels = _characters(Path(data["dict_path"]))
    from s3prl.downstream.asr.model import RNNs

    try:
        with torch.device("meta"):  # whatever size the recipe says, the memory is that of the weights
            projector = nn.Linear(held["projector.weight"].shape[1], rates["project_dim"])
            model = RNNs(rates["project_dim"], len(labels), 1, **rates["RNNs"])
        for name, part in {"projector": projector, "model": model}.items():
            within = {key: value for key, value in held.items() if key.startswith(f"{name}.")}
            own = {key.removeprefix(f"{name}."): value.float() for key, value in within.items()}
            part.load_state_dict(own, assign=True)
    except (LookupError, TypeError, ValueError, AttributeError, AssertionError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{where}: its weights are not those of its recipe and {len(labels)} characters: {reason}"
        ) from error
    packed = PackedHead(torch.softmax(weights.float(), dim=-1), projector, model).requires_grad_(False)
    return Head(packed, "asr", labels, projector.in_features, traced=TracedHead(packed), returns="characters")


def _characters(path: Path) -> tuple[str, ...]:
    """What each logit writes: s3prl's dictionary, one symbol and its count a line, behind its four special symbols."""
    symbols = [line.rsplit(" ", 1)[0] for line in read_text(path).splitlines() if line]
    # the blank, which is the beginning of a sentence, and its end write nothing; `|` ends a word
    return ("", "<pad>", "", "<unk>", *(" " if symbol == "|" else symbol for symbol in symbols))


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What torch's exporter has to be told: operation -> how it is written in ONNX."""
    return {torch.ops.s3prl_convexprune.lstm.default: _as_onnx}
