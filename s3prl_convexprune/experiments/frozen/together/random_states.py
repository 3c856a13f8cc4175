"""The random generators that s3prl's recipes draw from: their states, and what a call did to them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

MOST_DRAWS = 512  # a forward pass draws one number per layer, for LayerDrop, if it draws at all


def read() -> dict[str, Any]:
    """The state of every generator, each comparable with `same`."""
    states = {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        states["cuda"] = torch.stack(torch.cuda.get_rng_state_all())
    return states


def write(states: dict[str, Any]) -> None:
    """Restore what `read` returned, or a part of it."""
    if "python" in states:
        random.setstate(states["python"])
    if "numpy" in states:
        np.random.set_state(states["numpy"])
    if "torch" in states:
        torch.set_rng_state(states["torch"])
    if "cuda" in states:
        torch.cuda.set_rng_state_all(list(states["cuda"]))


def same(a: Any, b: Any) -> bool:
    """Whether two states of one generator are equal."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    return len(a) == len(b) and all(
        np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
        for one, other in zip(a, b, strict=True)
    )


@dataclass(frozen=True)
class Effect:
    """The generators that a call moved, each with its state before and after: a call that drew nothing moved none.

    Who has the same states before may take the call's result and `replay` the effect instead of calling.
    """

    moved: dict[str, tuple[Any, Any]]

    @classmethod
    def since(cls, before: dict[str, Any]) -> Effect:
        """What happened since `before` was read."""
        after = read()
        return cls({name: (before[name], after[name]) for name in before if not same(before[name], after[name])})

    def fits(self, now: dict[str, Any]) -> bool:
        """Whether the same call, made with these states, would draw the same."""
        return all(same(now[name], before) for name, (before, _) in self.moved.items())

    def replay(self) -> None:
        """Move the generators as the call did."""
        write({name: after for name, (_, after) in self.moved.items()})


@dataclass(frozen=True)
class Draws:
    """How many uniform numbers a call takes from numpy's and torch's generators, whatever it is called with.

    fairseq's encoders draw one number per layer for LayerDrop, in evaluation too.
    """

    numpy: int = 0
    torch: int = 0

    @classmethod
    def behind(cls, effect: Effect) -> Draws | None:
        """The draws that explain an effect; None when it is none of plain uniform numbers."""
        if set(effect.moved) - {"numpy", "torch"}:
            return None
        counts = {}
        now = read()
        try:
            for name, draw in (("numpy", np.random.random), ("torch", lambda: torch.rand(1))):
                if name not in effect.moved:
                    continue
                before, after = effect.moved[name]
                write({name: before})
                for count in range(1, MOST_DRAWS):
                    draw()
                    if same(read()[name], after):
                        counts[name] = count
                        break
                else:
                    return None
        finally:
            write(now)
        return cls(**counts)

    def replay(self) -> None:
        """Draw as many."""
        if self.numpy:
            np.random.random(self.numpy)
        if self.torch:
            torch.rand(self.torch)
