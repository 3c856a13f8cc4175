"""`torch.hub.load(<an s3prl clone>, NAME, source="local")` for names that the hub resolves on demand.

A clone's hubconf copies what `hub.options()` lists, and torch.hub looks a name up in the hubconf's `dir`. Neither knows
`<base>_convexpruned_L<k>` before somebody asks for it.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from .remedy import Remedy


def needed() -> bool:
    import torch.hub

    return not hasattr(torch.hub._load_entry_from_hubconf, "__wrapped__")


def patch() -> None:
    import torch.hub

    load = torch.hub._load_entry_from_hubconf

    @functools.wraps(load)
    def _load_entry_from_hubconf(module: Any, name: Any) -> Any:
        hub = sys.modules.get("s3prl.hub")
        copied = hub is not None and getattr(module, "hub", None) is hub
        if copied and isinstance(name, str) and name not in dir(module):
            setattr(module, name, getattr(hub, name))
        return load(module, name)

    torch.hub._load_entry_from_hubconf = _load_entry_from_hubconf


REMEDY = Remedy(
    name="hub_local",
    target="torch.hub",
    why="torch.hub.load from a clone of s3prl finds only the names that its hubconf lists; those that the hub resolves "
    "on demand are looked up there too",
    needed=needed,
    patch=patch,
)
