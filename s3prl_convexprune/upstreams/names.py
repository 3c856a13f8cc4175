"""What the name of an upstream stands for, found out without importing torch, s3prl or anything of its size.

A name is a whole upstream's on s3prl's hub, a config's, or states base and depth itself:
`<base>_convexpruned_L<k>`. What can be known from a name alone, above all a depth that the base does not have, is
refused here, before anything is imported or downloaded.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, ConfigError, DepthError, UnknownUpstreamError, nearest
from ..yaml_file import printable, shown
from .bases import BASES
from .config import CUT_NAME, LIKE_A_CUT_NAME, UpstreamConfig, check_stated
from .config_search import find_configs
from .depth import check_depth
from .families import HELPER, find_family
from .family import Family
from .hub_names import HubEntry, s3prl_entries
from .plugged_families import plugged_families

#: What s3prl's hub holds beside upstreams: a cut of such a name could not stand there.
HELPERS = ("options", "os", "torch", "logging", "time", "glob", "s3prl", "logger", "Path", "FileLock")
OWNED = "_s3prl_convexprune_names"  # the hub's attribute that lists the cuts which `registry` put there


def split_name(name: str) -> tuple[str, int] | None:
    """The base and the depth that a name of the form `<base>_convexpruned_L<k>` states, or None.

    >>> split_name("hubert_convexpruned_L6")
    ('hubert', 6)
    >>> split_name("hubert") is None
    True
    """
    match = CUT_NAME.fullmatch(name)
    return (match["base"], int(match["layers"])) if match else None


def added_bases() -> dict[str, Callable[..., Any]]:
    """The whole upstreams that are put on the hub: this package's, and those of families from other packages."""
    return {**{entry.__name__: entry for family in plugged_families() for entry in family.adds}, **BASES}


def whole_upstreams() -> dict[str, HubEntry]:
    """Every whole upstream of the hub by name, known without importing the hub.

    What other code put on a hub that is imported already is among them.
    """
    added = {name: HubEntry(name, base.__module__, _requires_ckpt(base)) for name, base in added_bases().items()}
    known = {**added, **s3prl_entries()}
    hub = sys.modules.get("s3prl.hub")
    for name in hub.options() if hub is not None and OWNED in vars(hub) else ():
        if name not in known and name not in getattr(hub, OWNED):
            module = getattr(vars(hub)[name], "__module__", "") or ""
            if find_family(name, module) != HELPER:
                known[name] = HubEntry(name, module, _requires_ckpt(vars(hub)[name]))
    return known


def _requires_ckpt(entry: Callable[..., Any]) -> bool:
    parameter = inspect.signature(entry).parameters.get("ckpt")
    return parameter is not None and parameter.default is inspect.Parameter.empty


def usable_configs() -> tuple[dict[str, UpstreamConfig], dict[str, ConfigError]]:
    """`find_configs` without those whose name is a whole upstream's, which it is that runs."""
    whole = whole_upstreams()
    configs, errors = find_configs()
    for name in [name for name in configs if name in whole or name in HELPERS]:
        path = configs.pop(name).path
        errors[printable(path or name)] = ConfigError(f"{printable(path or name)}: {_taken(name)}")
    return configs, errors


def check_cut_name(where: str, name: str, base: str, layers: int | None) -> None:
    """Refuse a name for a cut that the hub has already, or that says something else than the cut is.

    Args:
        where: the file or option, for the message.
        name: the name on the hub.
        base: the upstream that is cut.
        layers: the depth; None when it is looked up in an analysis and can change.

    Raises:
        ConfigError: it does.
    """
    check_stated(where, name, base, layers)
    if name in HELPERS or name in whole_upstreams():
        raise ConfigError(f"{where}: {_taken(name)}")


def _taken(name: str) -> str:
    what = "something else" if name in HELPERS else "an upstream"
    return f"the hub already has {what} named {name!r}, and that is what would run; give this one another name"


def upstream_names() -> list[str]:
    """Names of all upstreams, whole ones and configured cuts. ``<base>_convexpruned_L<k>`` resolves beside them."""
    return [*whole_upstreams(), *usable_configs()[0]]


def unknown_upstream(name: str, where: str = "") -> UnknownUpstreamError:
    """The error for a name that is not on the hub."""
    return UnknownUpstreamError(
        f"{where}s3prl's hub has no upstream {shown(name)}{_other_spelling(name) or nearest(name, upstream_names())}"
    )


def _other_spelling(name: str) -> str:
    """A hint for `L06`, `l6` or `L_6`: every depth has one spelling."""
    meant = LIKE_A_CUT_NAME.fullmatch(name)
    if meant is None or not meant["base"].isascii() or len(meant["layers"]) > 20:
        return ""
    return f"; a depth is spelt {meant['base']}_convexpruned_L{int(meant['layers'])}"


def resolve(name: str) -> UpstreamConfig:
    """The config behind a pruned upstream's name: a YAML's, or the one that the name itself states.

    Nothing is imported or downloaded: a depth that the base is known not to have is refused here.

    Raises:
        UnknownUpstreamError: no such name, or no such base; the name of a whole upstream is none of a cut.
        DepthError: the base does not have that many layers, or cannot be cut.
        ConfigError: the base is itself a cut, or the config behind the name cannot be used.
    """
    whole = whole_upstreams()
    configs, errors = usable_configs()
    if name not in whole and name in errors:
        raise errors[name]
    if name not in whole and name in configs:
        config = configs[name]
        where = f"{config.path or config.name}: "
        if split_name(config.base) or (config.base in configs and config.base not in whole):
            raise ConfigError(f"{where}base {config.base} is itself a cut; name the whole upstream")
        if config.base not in whole:
            raise unknown_upstream(config.base, where)
        if config.layers is not None:
            check_depth_of(whole[config.base], config.layers, where)
        return config
    if name in whole:
        raise UnknownUpstreamError(
            f"{name} is a whole upstream, not a cut; its cuts: {depths_of(whole[name]).hint(name)}"
        )
    stated = split_name(name)
    if stated is None:
        raise UnknownUpstreamError(
            f"no pruned upstream {shown(name)}{_other_spelling(name) or nearest(name, [*configs, *whole])}"
        )
    base, layers = stated
    if base not in whole and (split_name(base) or base in configs):
        origin = (split_name(base) or (configs[base].base, 0))[0]
        raise ConfigError(f"{base} is itself a cut; name the cut of its base: {origin}_convexpruned_L{layers}")
    if base not in whole:
        raise unknown_upstream(base, f"{name}: ")
    if layers == 0:
        raise DepthError(
            f"{name}: L0 keeps no transformer layer; depths in a name start at L1 "
            "(a config states a front end without layers as 'layers: 0')"
        )
    check_depth_of(whole[base], layers)
    return UpstreamConfig(name=name, base=base, layers=layers)


@dataclass(frozen=True)
class Depths:
    """How deep the cuts of a whole upstream can be, as far as its name says.

    Attributes:
        family: the family's name; None where the table does not know the entry.
        whole: how many transformer layers it has; None where its checkpoint decides.
        first_state: the smallest depth that leaves a hidden state.
        final_norm: what becomes of the last LayerNorm of its cuts unless it is stated, in a family that has one.
        reason: why it cannot be cut, if it cannot.
    """

    family: str | None = None
    whole: int | None = None
    first_state: int = 0
    final_norm: str | None = None
    reason: str | None = None

    def hint(self, name: str) -> str:
        """What cuts there are, for a message."""
        if self.reason:
            return f"none: {self.reason}"
        last = str(self.whole) if self.whole else "the number of layers of its checkpoint"
        return f"{name}_convexpruned_L<k>, k from 1 to {last}"


def depths_of(entry: HubEntry) -> Depths:
    """The depths of a whole upstream, from the table of families."""
    found = find_family(entry.name, entry.module)
    if isinstance(found, Family):
        norm = found.norm_of_cuts(None) if found.final_norm else None
        return Depths(found.name, found.depths.get(entry.name), found.first_state, norm)
    return Depths(reason=found)


def check_depth_of(entry: HubEntry, layers: int, where: str = "") -> None:
    """Refuse a depth that a whole upstream is known not to have, before anything is downloaded.

    Raises:
        DepthError: it does not have it, or cannot be cut.
    """
    depths = depths_of(entry)
    if depths.reason:
        raise DepthError(f"{where}{entry.name} cannot be cut: {depths.reason}")
    if depths.whole is not None:
        check_depth(f"{where}{entry.name}", layers, depths.whole, depths.first_state)


def chosen_layers(config: UpstreamConfig) -> int:
    """The number of layers that a config keeps: stated, or chosen now from the analysis it names."""
    if config.layers is not None:
        return config.layers
    from ..artifact import Analysis

    assert config.select is not None
    analysis = Analysis.read(config.select.analysis)
    chosen = config.select
    return analysis.decide(chosen.policy, chosen.budget, chosen.fallback).layer


def check_checkpoint(name: str, ckpt: str | None) -> None:
    """Refuse a checkpoint that is missing, before anything is imported or downloaded.

    Args:
        name: the whole upstream.
        ckpt: what ``-k`` says: a path, a URL, or a model id of the Hugging Face hub.

    Raises:
        CheckpointError: there is no such file, or the upstream needs a checkpoint and none is given.
    """
    entry = whole_upstreams().get(name)
    if ckpt is None:
        if entry is not None and entry.needs_ckpt:
            raise CheckpointError(f"{name} needs a checkpoint: give its path or URL with -k (ckpt=... in Python)")
        return
    looks_local = Path(ckpt).suffix or ckpt.startswith((".", "/", "~")) or ckpt.count("/") != 1
    if not ckpt.startswith(("http://", "https://")) and looks_local and not Path(ckpt).expanduser().exists():
        raise CheckpointError(f"{name}: there is no checkpoint at {ckpt}")
