"""Pruned upstreams on s3prl's hub: the only module that touches `s3prl.hub`.

`install` puts every configured name into the hub's namespace, where `hub.options()` and
`S3PRLUpstream.available_names()` list it, and gives the hub a module `__getattr__` (PEP 562), so that
`<base>_convexpruned_L<k>` resolves for any base and depth without any file.
"""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from . import compat
from .config import UpstreamConfig, find_configs
from .errors import CheckpointError, ConfigError, DepthError, UnknownUpstreamError, nearest

logger = logging.getLogger(__name__)

CUT_NAME = re.compile(r"^(?P<base>\w+?)_convexpruned_L(?P<layers>\d+)$")
OWNED = "_s3prl_convexprune_names"


def load_hub() -> ModuleType:
    """`s3prl.hub` with the remedies that this stack needs applied and our names installed."""
    compat.apply()
    compat.torchaudio_library.check()
    from s3prl import hub

    install(hub)
    return hub


def install(hub: ModuleType) -> None:
    """Put our names on the hub. A second call changes nothing.

    A config that cannot be used is logged and left out: it must not take the host down. A name that two files
    claim stays listed and raises the reason when it is used.

    Args:
        hub: the module `s3prl.hub`.
    """
    if OWNED in vars(hub):
        return
    from .bases import BASES
    from .pruning.plugged_families import plugged_families

    added = {entry.__name__: entry for family in plugged_families() for entry in family.adds}
    for name, base in {**added, **BASES}.items():
        vars(hub).setdefault(name, base)
    setattr(hub, OWNED, set())
    configs, errors = _register_configs(hub)
    for error in errors.values():
        logger.warning("s3prl-convexprune leaves out an upstream config: %s", error)
    for name, config in configs.items():
        if config.shadows is not None:
            logger.warning(
                "%s is %s, which goes before the shipped %s", name, config.path, config.shadows.name
            )
    hub.options = functools.partial(_options, hub.options)  # type: ignore[attr-defined]
    hub.__getattr__ = functools.partial(_resolve_on_demand, hub, getattr(hub, "__getattr__", None))  # type: ignore[method-assign]


def _register_configs(hub: ModuleType) -> tuple[dict[str, UpstreamConfig], dict[str, ConfigError]]:
    """Put the names of all configs that are there now on the hub; what they say is read when they are used.

    Returns:
        The configs, and the errors of those that cannot be used, as `find_configs` gives them.
    """
    configs, errors = find_configs()
    owned: set[str] = getattr(hub, OWNED)
    for name in [*configs, *filter(str.isidentifier, errors)]:
        if name in owned:
            continue
        if name in vars(hub):
            where = configs[name].path if name in configs else "a config"
            logger.warning("s3prl-convexprune leaves out %s: the hub already has an upstream %r", where, name)
            continue
        owned.add(name)
        setattr(hub, name, _entry(name))
    return configs, errors


def _entry(name: str) -> Callable[..., Any]:
    def entry(ckpt: str | None = None, **kwargs: Any) -> Any:
        return build_cut(resolve(name), ckpt=ckpt, **kwargs)

    entry.__name__ = entry.__qualname__ = name
    entry.__doc__ = f"The pruned upstream {name}; 's3prl-convexprune show {name}' says what it is."
    return entry


class _Names(list[str]):
    """The hub's names. ``in`` also knows those that are resolved on demand: ESPnet asks it before it builds one."""

    def __contains__(self, name: object) -> bool:
        stated = split_name(name) if isinstance(name, str) else None
        return super().__contains__(name) or (stated is not None and super().__contains__(stated[0]))


def _options(listed: Callable[[bool], list[str]], only_registered_ckpt: bool = False) -> list[str]:
    return _Names(listed(only_registered_ckpt))


def _resolve_on_demand(hub: ModuleType, inner: Callable[[str], Any] | None, name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {hub.__name__!r} has no attribute {name!r}")
    if CUT_NAME.match(name):
        resolve(name)
        return _entry(name)
    if inner is not None:
        return inner(name)
    _register_configs(hub)  # a config may have been written since the hub was imported
    if name in vars(hub):
        return vars(hub)[name]
    raise UnknownUpstreamError(f"s3prl's hub has no upstream {name!r}{nearest(name, upstream_names(hub))}")


def upstream_names(hub: ModuleType | None = None) -> list[str]:
    """Names of all upstreams on the hub, ours among them."""
    return list((hub or load_hub()).options())


def split_name(name: str) -> tuple[str, int] | None:
    """The base and the depth that a name of the form `<base>_convexpruned_L<k>` states, or None.

    >>> split_name("hubert_convexpruned_L6")
    ('hubert', 6)
    >>> split_name("hubert") is None
    True
    """
    match = CUT_NAME.match(name)
    return (match["base"], int(match["layers"])) if match else None


def resolve(name: str) -> UpstreamConfig:
    """The config behind a pruned upstream's name: a YAML's, or the one that the name itself states.

    Raises:
        UnknownUpstreamError: no such name, or no such base.
        DepthError: the name asks for no layer at all.
        ConfigError: the base is itself a cut, or the config behind the name cannot be used.
    """
    hub = load_hub()
    configs, errors = _register_configs(hub)
    owned: set[str] = getattr(hub, OWNED)
    if name in owned and name in errors:
        raise errors[name]
    if name in owned and name in configs:
        return configs[name]
    stated = split_name(name)
    if stated is None:
        raise UnknownUpstreamError(
            f"no pruned upstream {name!r}{nearest(name, [*configs, *upstream_names(hub)])}"
        )
    base, layers = stated
    if split_name(base) or base in owned:
        origin, _ = split_name(base) or (resolve(base).base, 0)
        raise ConfigError(
            f"{base} is itself a cut; name the cut of its base: {origin}_convexpruned_L{layers}"
        )
    if base not in vars(hub) or base.startswith("_"):
        raise UnknownUpstreamError(
            f"{name}: s3prl's hub has no upstream {base!r}{nearest(base, upstream_names(hub))}"
        )
    if layers == 0:
        raise DepthError(
            f"{name}: L0 keeps no transformer layer; depths in a name start at L1 "
            "(a config states a front end without layers as 'layers: 0')"
        )
    return UpstreamConfig(name=name, base=base, layers=layers)


def chosen_layers(config: UpstreamConfig) -> int:
    """The number of layers that a config keeps: stated, or chosen now from the analysis it names."""
    if config.layers is not None:
        return config.layers
    from .artifact import Analysis

    assert config.select is not None
    analysis = Analysis.read(config.select.analysis)
    return analysis.choose(config.select.policy, max_macs=config.select.max_macs).layer


def build_upstream(name: str, **kwargs: Any) -> Any:
    """Build any upstream of the hub, whole or cut, in eval mode as s3prl builds it.

    Args:
        name: its name on the hub.
        **kwargs: what s3prl's hub entries take: `ckpt`, `model_config`, `refresh`.

    Returns:
        The s3prl expert (a `torch.nn.Module`): takes a list of waveforms (each `[samples]`, 16 kHz) and returns a dict
        with `hidden_states`.

    Raises:
        UnknownUpstreamError, DepthError, ConfigError, CheckpointError: see `errors`.
    """
    entry = getattr(load_hub(), name)
    kwargs = {key: value for key, value in kwargs.items() if value is not None}
    _check_checkpoint(name, entry, kwargs)
    return entry(**kwargs)


def build_cut(config: UpstreamConfig, **kwargs: Any) -> Any:
    """Build the cut upstream that a config describes; `kwargs` as in `build_upstream`.

    A checkpoint given here goes before the config's own.
    """
    from .pruning.checkpoint import load_cut_upstream

    base, layers, arguments = base_call(config, **kwargs)
    return load_cut_upstream(base, config.base, layers, config.final_norm, **arguments)


def base_call(config: UpstreamConfig, **kwargs: Any) -> tuple[Callable[..., Any], int, dict[str, Any]]:
    """What a config comes down to: the base's hub entry, the number of layers to keep, the entry's arguments."""
    hub = load_hub()
    if config.base not in vars(hub):
        raise UnknownUpstreamError(
            f"{config.path or config.name}: s3prl's hub has no base {config.base!r}"
            f"{nearest(config.base, upstream_names(hub))}"
        )
    if split_name(config.base) or config.base in getattr(hub, OWNED):
        raise ConfigError(
            f"{config.path or config.name}: base {config.base} is itself a cut; name the whole upstream"
        )
    arguments = {**config.base_args, **{key: value for key, value in kwargs.items() if value is not None}}
    base = getattr(hub, config.base)
    _check_checkpoint(config.base, base, arguments)
    return base, chosen_layers(config), arguments


def _check_checkpoint(name: str, entry: Callable[..., Any], kwargs: dict[str, Any]) -> None:
    parameter = inspect.signature(entry).parameters.get("ckpt")
    given = kwargs.get("ckpt")
    if given is None:
        if parameter is not None and parameter.default is inspect.Parameter.empty:
            raise CheckpointError(
                f"{name} needs a checkpoint: give its path or URL with -k (ckpt=... in Python)"
            )
        return
    text = str(given)
    looks_local = Path(text).suffix or text.startswith((".", "/", "~")) or text.count("/") != 1
    if not text.startswith(("http://", "https://")) and looks_local and not Path(text).expanduser().exists():
        raise CheckpointError(f"{name}: there is no checkpoint at {text}")
