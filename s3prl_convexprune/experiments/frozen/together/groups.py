"""Which cells of a grid see the same batches and can be answered by one forward pass.

Cells of one task, fold and seed, frozen, on one base and checkpoint: they differ in depth and learning rate alone. The
hidden states of a shallower cut are the first of a deeper one's, bit for bit, but for a last LayerNorm that it keeps.
Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ....fingerprint import settings_sha256
from ....numbers import AT_LEAST_ONE
from ....upstreams.config import UpstreamConfig
from ....upstreams.names import usable_configs

if TYPE_CHECKING:
    from ..grid import Grid

TRAINABLE = "args.upstream_trainable"
WHOLE = 1 << 30  # deeper than any cut


def check_together(together: int | None) -> None:
    """Refuse a number of cells that cannot be.

    Raises:
        ConfigError: it is below 1.
    """
    if together is not None:
        AT_LEAST_ONE.check("--together", together)


def groups(grid: Grid) -> list[list[int]]:
    """The grid's cells, by index, in groups that can run together, each from its deepest cut to its shallowest.

    With ``grid.together == 1`` every cell is a group of its own.
    """
    if grid.together == 1:
        return [[index] for index in range(len(grid.cells))]
    configs, _ = usable_configs()
    origins = {name: _origin(name, configs) for name in {cell.upstream for cell in grid.cells}}
    found: dict[Any, list[int]] = {}
    for index, cell in enumerate(grid.cells):
        base, _ = origins[cell.upstream]
        alone = trains_upstream(grid.overrides.get(cell.task, ()))
        key = index if alone else (cell.task, cell.fold, cell.seed, base)
        found.setdefault(key, []).append(index)
    return [sorted(group, key=lambda index: -origins[grid.cells[index].upstream][1]) for group in found.values()]


def _origin(name: str, configs: dict[str, UpstreamConfig]) -> tuple[str, int]:
    """What an upstream is cut from, and its depth."""
    from ....upstreams.registry import split_name

    config = configs.get(name)
    if config is not None:
        depth = config.layers if config.layers is not None else 0
        return f"{config.base} {settings_sha256(config.base_args)}", depth
    base, depth = split_name(name) or (name, WHOLE)
    return f"{base} {settings_sha256({})}", depth


def trains_upstream(overrides: Iterable[str]) -> bool:
    """Whether s3prl overrides (``args.upstream_trainable=True``) fine-tune the upstream.

    >>> trains_upstream(["config.a=1", "args.upstream_trainable=True"]), trains_upstream([])
    (True, False)
    """
    values = [text.split("=", 1)[1] for text in overrides if text.startswith(TRAINABLE)]
    return any(value.strip().strip("'\"") not in ("False", "0", "") for value in values)
