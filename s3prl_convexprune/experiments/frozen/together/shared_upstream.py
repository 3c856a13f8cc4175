"""One upstream for cells that differ in depth: a batch is passed through the deepest once, each cell gets its states.

Nothing is taken on trust. An upstream joins only if its states on a probe are, bit by bit, the first of the shared
one's, the last one behind its own last LayerNorm where it keeps that; a batch is answered from the last pass only if it
equals that pass's batch tensor by tensor, and is computed anew if it does not. So sharing can make a run slower and
never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from ....upstreams.prune import kept_final_norm
from . import random_states
from .lockstep import Member
from .random_states import Draws, Effect

PROBE_SAMPLES = (16000, 9600)


@dataclass(frozen=True)
class Facts:
    """What is kept of a cell's own upstream after it was found to be a part of the shared one.

    Attributes:
        count: how many hidden states it has.
        keys: the keys of its answer that can be given from the states.
        rates: its downsample rate by key.
        params: its parameters.
        sha256: hash of its weights.
        building: what building it did to the random generators.
        draws: what a forward pass of it draws from them.
        final_norm: what its last state passes behind the shared one, if it keeps the last LayerNorm.
    """

    count: int
    keys: frozenset[str]
    rates: dict[str, int]
    params: int
    sha256: str
    building: Effect
    draws: Draws
    final_norm: nn.Module | None = None


class SharedUpstream:
    """The deepest upstream of a group, and its states on the last batch.

    Attributes:
        computed: forward passes so far.
        answered: calls answered from a pass that was computed for another cell.
    """

    def __init__(self) -> None:
        self.computed = self.answered = 0
        self._model: nn.Module | None = None
        self._probed: tuple[torch.Tensor, ...] = ()
        self._facts: dict[str, Facts] = {}
        self._batch: list[torch.Tensor] | None = None
        self._states: tuple[torch.Tensor, ...] = ()

    def entry(self, runner: Any, member: Member, build: Callable[[], Any]) -> Any:
        """What s3prl's runner takes for its upstream: the shared one where that is the same, else the cell's own.

        Args:
            runner: s3prl's runner, in `_get_upstream`.
            member: the cell.
            build: builds the cell's own.
        """
        name, key = runner.args.upstream, runner.args.upstream_feature_selection
        if runner.args.upstream_trainable:
            return build()
        facts = self._facts.get(name)
        if facts is not None and facts.building.fits(random_states.read()):
            facts.building.replay()
        else:
            before = random_states.read()
            own = build()
            building = Effect.since(before)
            facts = replace(facts, building=building) if facts else self._join(own.model, key, building)
            if facts is None:
                return own
            self._facts[name] = facts
        model = SharedPass(self, facts, member, key, runner.args.upstream_layer_selection)
        return runner._init_model(model, "Upstream", trainable=False, interfaces=["get_downsample_rates"])

    @property
    def difference(self) -> list[float]:
        """How far each state is from full precision, see `reduced_pass`."""
        return list(getattr(self._model, "difference", ()))

    def states(self, wavs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """All hidden states of a batch, computed or remembered; the random generators stay as they are."""
        if self._batch is not None and _equal(self._batch, wavs):
            self.answered += 1
            return self._states
        self._batch, self._states = None, ()  # before the next ones take their memory
        self._states = _pass(self._model, wavs)["hidden_states"]
        self._batch = [wav.clone() for wav in wavs]
        self.computed += 1
        return self._states

    def _join(self, own: nn.Module, key: str, building: Effect) -> Facts | None:
        """Look at a cell's own upstream; it becomes the shared one if it is deeper. None: it cannot be shared."""
        from ....results.provenance import identity

        own.eval()
        generator = torch.Generator().manual_seed(0)
        device = next(own.parameters()).device
        probe = [0.1 * torch.randn(samples, generator=generator).to(device) for samples in PROBE_SAMPLES]
        before = random_states.read()
        answer = _pass(own, probe, keep_draws=True)
        draws = Draws.behind(Effect.since(before))
        random_states.write(before)
        states = answer.get("hidden_states")
        if draws is None or not isinstance(states, tuple) or not states:
            return None
        given = answers(states)
        keys = frozenset(name for name in given if name in answer and _identical(given[name], answer[name]))
        if key in answer and key not in keys:
            return None
        depth, final_norm = min(len(states), len(self._probed)), None
        if not _identical(states[:depth], self._probed[:depth]):
            final_norm = kept_final_norm(own)
            if depth < len(states) or final_norm is None:
                return None
            if not _identical(states, _normed(self._probed[:depth], final_norm)):
                return None
        if len(states) > len(self._probed):
            self._model, self._probed, self._batch = own, states, None
        rate_of: Callable[[str], int] = own.get_downsample_rates  # type: ignore[assignment]
        rates = {name: rate_of(name) for name in {"hidden_states", key}}
        return Facts(len(states), keys, rates, *identity(own), building, draws, final_norm)


class SharedPass(nn.Module):
    """Stands where a cell's own upstream stood, and answers as that would.

    Attributes:
        stands_for: parameters and weights hash of the upstream whose place it takes.
    """

    def __init__(self, shared: SharedUpstream, facts: Facts, member: Member, key: str, layer: int | None) -> None:
        super().__init__()
        self.stands_for = facts.params, facts.sha256
        self._shared, self._facts, self._member = shared, facts, member
        # s3prl's weighted sum stacks, that is copies, the states. Any other selection hands the head a state itself.
        self._copies = key != "hidden_states" or layer is not None or facts.count == 1

    def get_downsample_rates(self, key: str) -> int:
        return self._facts.rates.get(key, self._facts.rates["hidden_states"])

    @property
    def difference(self) -> list[float]:
        """`ReducedPass.difference` of the upstream whose place it takes."""
        return self._shared.difference[: self._facts.count]

    def forward(self, wavs: Sequence[torch.Tensor]) -> dict[str, Any]:
        self._member.wants_pass()
        states = _normed(self._shared.states(wavs)[: self._facts.count], self._facts.final_norm)
        self._facts.draws.replay()
        if self._copies:
            states = tuple(_copy(state) for state in states)
        return {key: value for key, value in answers(states).items() if key in self._facts.keys}


def answers(states: tuple[torch.Tensor, ...]) -> dict[str, Any]:
    """The keys under which s3prl's upstreams give their hidden states."""
    by_layer = {f"hidden_state_{layer}": state for layer, state in enumerate(states)}
    return {"hidden_states": states, "last_hidden_state": states[-1], **by_layer}


def _normed(states: tuple[torch.Tensor, ...], final_norm: nn.Module | None) -> tuple[torch.Tensor, ...]:
    """The states, the last one behind a LayerNorm if there is one."""
    if final_norm is None:
        return states
    with torch.no_grad():
        return (*states[:-1], final_norm(states[-1]))


def _pass(model: nn.Module | None, wavs: Sequence[torch.Tensor], keep_draws: bool = False) -> dict[str, Any]:
    assert model is not None
    before = random_states.read()
    try:
        with torch.no_grad():
            answer = model(list(wavs))
    finally:
        if not keep_draws:
            random_states.write(before)
    if isinstance(answer.get("hidden_states"), list):
        answer["hidden_states"] = tuple(answer["hidden_states"])
    return answer


def _equal(a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(
        one.shape == other.shape and torch.equal(one, other) for one, other in zip(a, b, strict=True)
    )


def _identical(a: Any, b: Any) -> bool:
    """The same bits in the same memory layout: a kernel may sum another layout in another order."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.stride() == b.stride() and torch.equal(a, b)
    return len(a) == len(b) and all(_identical(one, other) for one, other in zip(a, b, strict=True))


def _copy(state: torch.Tensor) -> torch.Tensor:
    """A copy with the same memory layout."""
    return torch.empty_strided(state.size(), state.stride(), dtype=state.dtype, device=state.device).copy_(state)
