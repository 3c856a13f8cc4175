"""Pruned upstreams on s3prl's hub: the only module that touches `s3prl.hub`.

`install` puts every configured name into the hub's namespace, where `hub.options()` and
`S3PRLUpstream.available_names()` list it, and gives the hub a module `__getattr__` (PEP 562), so that
`<base>_convexpruned_L<k>` resolves for any base and depth without any file.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import compat
from ..errors import ConfigError
from ..progress import say
from .config import UpstreamConfig
from .names import (
    OWNED,
    added_bases,
    check_checkpoint,
    chosen_layers,
    resolve,
    split_name,
    unknown_upstream,
    usable_configs,
    whole_upstreams,
)

logger = logging.getLogger(__name__)


def load_hub() -> ModuleType:
    """`s3prl.hub` with the remedies that this stack needs applied and our names installed."""
    if "s3prl.hub" not in sys.modules:
        say("importing torch and s3prl's hub")
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
    for name, base in added_bases().items():
        vars(hub).setdefault(name, base)
    setattr(hub, OWNED, set())
    configs, errors = _register_configs(hub)
    for error in errors.values():
        logger.warning("s3prl-convexprune leaves out an upstream config: %s", error)
    for name, config in configs.items():
        if config.shadows is not None:
            logger.warning("%s is %s, which goes before the shipped %s", name, config.path, config.shadows.name)
    hub.options = functools.partial(_options, hub.options)  # type: ignore[attr-defined]
    hub.__getattr__ = functools.partial(_resolve_on_demand, hub, getattr(hub, "__getattr__", None))  # type: ignore[method-assign]


def _register_configs(hub: ModuleType) -> tuple[dict[str, UpstreamConfig], dict[str, ConfigError]]:
    """Put the names of all configs that are there now on the hub; what they say is read when they are used.

    Returns:
        The configs, and the errors of those that cannot be used, as `usable_configs` gives them.
    """
    configs, errors = usable_configs()
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


def _entry(name: str, stated: UpstreamConfig | None = None) -> Callable[..., Any]:
    """The hub's function of a cut. What a YAML says is read when it is used; what the name states does not change."""

    def entry(ckpt: str | None = None, **kwargs: Any) -> Any:
        return build_cut(stated or resolve(name), ckpt=ckpt, **kwargs)

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
    if split_name(name):
        return _entry(name, resolve(name))
    if inner is not None:
        return inner(name)
    _register_configs(hub)  # a config may have been written since the hub was imported
    if name in vars(hub):
        return vars(hub)[name]
    raise unknown_upstream(name)


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
    say(f"loading {name}")
    if name not in whole_upstreams():
        return entry(**kwargs)
    check_checkpoint(name, _ckpt(kwargs))
    from .checkpoint import load_whole

    return load_whole(lambda: entry(**kwargs), name)


def build_cut(config: UpstreamConfig, **kwargs: Any) -> Any:
    """Build the cut upstream that a config describes; `kwargs` as in `build_upstream`.

    A checkpoint given here goes before the config's own.
    """
    from .checkpoint import load_cut_upstream

    base, layers, arguments = base_call(config, **kwargs)
    return load_cut_upstream(base, config.base, layers, config.final_norm, **arguments)


def base_call(config: UpstreamConfig, **kwargs: Any) -> tuple[Callable[..., Any], int, dict[str, Any]]:
    """What a config comes down to: the base's hub entry, the number of layers to keep, the entry's arguments."""
    if config.base not in whole_upstreams():
        raise unknown_upstream(config.base, f"{config.path or config.name}: ")
    arguments = {**config.base_args, **{key: value for key, value in kwargs.items() if value is not None}}
    base = getattr(load_hub(), config.base)
    check_checkpoint(config.base, _ckpt(arguments))
    return base, chosen_layers(config), arguments


def _ckpt(arguments: dict[str, Any]) -> str | None:
    return str(arguments["ckpt"]) if arguments.get("ckpt") is not None else None
