"""``torch.hub.load(<this folder>, "hubert_convexpruned_L6", source="local")``: all of s3prl's hub, our names included.

torch.hub takes only names that ``dir()`` of this module lists, so names that are resolved on demand are listed here,
for every base that can be cut and depths up to 48, the deepest that s3prl has.
"""

from __future__ import annotations

from typing import Any

from s3prl_convexprune.errors import DepthError
from s3prl_convexprune.pruning.families import family_of_entry
from s3prl_convexprune.registry import load_hub

dependencies = ["s3prl", "torch"]
DEEPEST = 48

_hub = load_hub()


def __getattr__(name: str) -> Any:
    return getattr(_hub, name)


def __dir__() -> list[str]:
    names = list(_hub.options())
    for base in list(names):
        try:
            family_of_entry(base, getattr(_hub, base))
        except DepthError:
            continue
        names += [f"{base}_convexpruned_L{layers}" for layers in range(1, DEEPEST + 1)]
    return names
