"""What a family of upstreams is: the facts about its experts and checkpoints, and how one of them is cut.

The table of families answers without torch, so torch is imported where a cut is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .attributes import get, put
from .padding import Padding

if TYPE_CHECKING:
    from torch import nn

    from .stored import Stored


@dataclass(frozen=True)
class Layout:
    """How a family's checkpoint file is laid out, for reading only the kept layers from it.

    Attributes:
        weights: key of the weights in the checkpoint.
        config: keys down to the model's config, a dict or an argparse.Namespace. ``Config|Upstream_Config``
            means the first of the two that leads on.
        count: name of the number of layers in that config.
        layers: what the name of every weight of layer i starts with, up to ``i.``.
        teacher: name of pretraining-only weights that the loader wants to find and throw away.
        norms: what the name of every weight of hidden state i's own LayerNorm starts with, up to ``i.``.
        others: further top-level keys that the loader needs; the rest (optimiser states…) is left behind.
        looks_at: top-level keys that the loader reads where they are there.
    """

    weights: str
    config: tuple[str, ...]
    count: str = "encoder_layers"
    layers: str = "encoder.layers."
    teacher: str | None = None
    norms: str | None = None
    others: tuple[str, ...] = ()
    looks_at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """One family of upstreams: where it keeps its transformer layers, and what a cut has to do to it.

    This class serves experts that list their hidden states themselves. A family that differs is a subclass (`kinds`);
    nothing outside asks which family it has.

    Attributes:
        name: the family's name, as messages print it.
        packages: what holds its experts (by class) and its hub entries (by function).
        stack: the attribute of the expert, with dots, that is its `ModuleList` of transformer layers.
        final_norm: the LayerNorm that a pre-norm encoder applies to its last hidden state only.
        cuts_keep_norm: whether a cut's last state passes it unless told otherwise.
        pre_norm: the flag that says whether the encoder is pre-norm.
        layerdrop: the LayerDrop probability, set to 0 so that no hidden state goes missing.
        first_state: how many transformer layers the first hidden state has behind it: 0, or 1 for
            upstreams that do not give the input of their first layer.
        heads: what hangs on the last layer and goes with any cut.
        state_norms: a `ModuleList` with one LayerNorm a hidden state, where a model may have one.
        layout: how its checkpoint files are laid out; None loads the whole model, then cuts it.
        loads_with: the hub entry that takes a checkpoint of one's own in this family.
        no_export: why a cut cannot be stated as an ordinary checkpoint of the family, if it cannot.
        model_type: what a checkpoint in transformers' format calls its kind of model.
        counts: what a config in transformers' format calls the number of layers; the first of these keys is read, all
            that are there are set.
        reads: pattern of the names of the weights that the expert reads of such a checkpoint; None for all.
        extractor: whether the expert asks such a checkpoint how waveforms are normalised.
        entries: hub entries that are not in `packages`.
        depths: hub entry -> its number of transformer layers, where the entry fixes the checkpoint; those that take
            a checkpoint of one's own are not there.
        adds: functions that the family puts on s3prl's hub under their own names, for a family whose entries s3prl
            does not have. Each takes s3prl's arguments (``ckpt``, ``refresh``, …) and returns an expert.
        padding: how a padded batch of unequal lengths gives the states that each utterance has alone; None where it
            cannot, so that batches hold equal lengths.
    """

    name: str
    packages: tuple[str, ...]
    stack: str = "model.encoder.layers"
    final_norm: str | None = None
    cuts_keep_norm: bool = False
    pre_norm: str | None = None
    layerdrop: str | None = None
    first_state: int = 0
    heads: tuple[str, ...] = ()
    state_norms: str | None = None
    layout: Layout | None = None
    loads_with: str | None = None
    no_export: str | None = None
    model_type: str | None = None
    counts: tuple[str, ...] = ("num_hidden_layers",)
    reads: str | None = None
    extractor: bool = True
    entries: tuple[str, ...] = ()
    depths: Mapping[str, int] = field(default_factory=dict)
    adds: tuple[Callable[..., nn.Module], ...] = ()
    padding: Padding | None = None

    def stored(self) -> Stored:
        """What its checkpoints are on disk, and how one is read without its upper layers."""
        from .stored import OneFile, Stored

        return Stored() if self.layout is None else OneFile(self.layout, self.first_state)

    def layers(self, expert: nn.Module) -> list[nn.Module]:
        """The transformer layers, in the order they run. One module may stand there more than once."""
        return list(get(expert, self.stack))

    def state_depths(self, expert: nn.Module, count: int) -> list[int | None]:
        """How many transformer layers each of `count` hidden states has behind it; None where no cut ends."""
        last = len(self.layers(expert))
        return [depth if depth <= last else None for depth in range(self.first_state, self.first_state + count)]

    def summed_layers(self, expert: nn.Module) -> list[nn.Module]:
        """The layers whose costs make up what a depth costs.

        Raises:
            DepthError: a cut's cost is not a sum over layers.
        """
        return self.layers(expert)

    def has_final_norm(self, config: Mapping[str, Any]) -> bool:
        """Whether a model in transformers' format applies a LayerNorm to its last hidden state only."""
        return bool(config.get("do_stable_layer_norm"))

    def check_arguments(self, arguments: Mapping[str, Any]) -> None:
        """Refuse, before anything is fetched, arguments of the hub's entry with which no expert can be built.

        Raises:
            ConfigError: says what to give.
        """

    def check_whole(self, expert: nn.Module) -> None:
        """Refuse an expert that was built so that it cannot be cut.

        Raises:
            DepthError: says how to build it.
        """

    def norm_of_cuts(self, stated: str | None) -> str:
        """``"keep"`` or ``"drop"``: what is stated, else what is usual in this family."""
        return stated or ("keep" if self.cuts_keep_norm else "drop")

    def cut(self, expert: nn.Module, layers: int, available: int, final_norm: str) -> None:
        """Keep the first `layers` transformer layers, in place; the others and what hangs on them go.

        Args:
            expert: an upstream of this family.
            layers: how many layers to keep, a depth it has.
            available: how many the whole upstream has.
            final_norm: ``"drop"`` or ``"keep"``, as in `prune.prune_upstream`.

        Raises:
            ConfigError: `final_norm` asks for a LayerNorm that an earlier cut dropped.
        """
        from torch import nn

        if self.final_norm and layers < available and get(expert, self.pre_norm or ""):
            if final_norm == "drop":
                put(expert, self.final_norm, nn.Identity())
            elif isinstance(get(expert, self.final_norm), nn.Identity):
                raise ConfigError(f"final_norm is 'keep', but an earlier cut of this {self.name} dropped it")
        stack = get(expert, self.stack)
        del stack[layers:]
        if self.layerdrop:
            put(expert, self.layerdrop, 0.0)
        if hasattr(stack, "p"):  # fairseq's LayerDropModuleList
            stack.p = 0.0
        self.follow(expert, layers)

    def follow(self, expert: Any, layers: int) -> None:
        """Tell the expert about a cut that was made: how many states it gives, and which is the last."""
        keep = KeepStates(layers + 1 - self.first_state)
        for key, hook in list(expert._forward_hooks.items()):
            if isinstance(hook, KeepStates):
                expert._forward_hooks[key] = keep
                return
        expert.register_forward_hook(keep)


class KeepStates:
    """A forward hook that keeps an upstream's first `count` hidden states.

    Args:
        count: how many; ``last_hidden_state`` becomes the last of them.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, expert: nn.Module, args: Any, output: dict[str, Any]) -> dict[str, Any]:
        states = output["hidden_states"][: self.count]
        return {**output, "hidden_states": states, "last_hidden_state": states[-1]}
