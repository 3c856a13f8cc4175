"""Upstream configs: one YAML adds one pruned upstream to s3prl's hub.

```yaml
name: wavlm_large_convexpruned_ks     # the name on the hub
base: wavlm_large                     # any upstream that s3prl knows
layers: 9                             # or  select: {analysis: analysis.json, policy: argmax}
# optional: base_args (ckpt, ...), final_norm, task, provenance
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..budget import LIMITS, Budget
from ..errors import ConfigError, nearest
from ..policies import DEFAULT_POLICY, FALLBACKS, POLICIES
from ..yaml_file import printable, read_yaml, shown

FINAL_NORMS = ("drop", "keep")
MOST_LAYERS = 1000
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,199}")
#: A name that states a depth: the one spelling of it, and what a person might take for one.
CUT_NAME = re.compile(r"(?P<base>[A-Za-z0-9_]+?)_convexpruned_L(?P<layers>0|[1-9][0-9]{0,3})")
LIKE_A_CUT_NAME = re.compile(r"(?P<base>.+?)_convexpruned_L_?(?P<layers>\d+)\s*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Selection:
    """How a config finds its depth: an analysis artifact and the policy that reads it.

    Args:
        analysis: path of the `analysis.json`; relative paths start at the config's folder.
        policy: ``argmax``, ``within-sem``, ``budget`` or ``paper``; see `artifact.Analysis.choose`.
        budget: for ``budget``, the limits, which stand beside the policy in the YAML.
        fallback: what chooses where the analysis decides nothing: a policy, or ``whole``; None refuses the name then.
    """

    analysis: Path
    policy: str = DEFAULT_POLICY
    budget: Budget | None = None
    fallback: str | None = None


@dataclass(frozen=True)
class UpstreamConfig:
    """A pruned upstream as its YAML states it.

    Args:
        name: the name on the hub.
        base: the upstream that is cut, by its name on the hub.
        layers: transformer layers kept; 0 keeps the front end alone. None when `select` decides.
        select: the analysis that decides the depth, or None when `layers` does.
        base_args: keyword arguments for the base (``ckpt`` above all; a relative path that exists
            beside the YAML is taken from there).
        final_norm: ``drop`` leaves the state of layer k as the whole upstream has it; ``keep`` puts the
            encoder's final LayerNorm of a pre-norm model on the last state. None: as is usual in the family.
        task: the task whose labels chose the depth, when one did.
        provenance: anything that says where the depth comes from; carried into results.
        path: the YAML file.
        shadows: the shipped YAML of the same name that this one goes before, when there is one.
    """

    name: str
    base: str
    layers: int | None = None
    select: Selection | None = None
    base_args: dict[str, Any] = field(default_factory=dict)
    final_norm: str | None = None
    task: str | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    shadows: Path | None = None


KEYS = ("name", "base", "layers", "select", "base_args", "final_norm", "task", "provenance")
BUDGET_KEYS = (*LIMITS, "times")
SELECT_KEYS = ("analysis", "policy", "fallback", *BUDGET_KEYS)


def _nearest(given: Any, choices: tuple[str, ...]) -> str:
    return nearest(shown(given).strip("'"), choices)


def _check_keys(where: str, given: dict, known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {shown(key)}{_nearest(key, known)}")


def _typed(where: str, given: dict, key: str, kind: type | tuple[type, ...], what: str) -> Any:
    value = given[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ConfigError(f"{where}: {key} must be {what}, not {shown(value)}")
    return value


def _selection(where: str, given: Any, folder: Path) -> Selection:
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: select must be a mapping such as {{analysis: analysis.json, policy: argmax}}")
    _check_keys(f"{where}: select", given, SELECT_KEYS)
    if "analysis" not in given:
        raise ConfigError(f"{where}: select needs the key 'analysis', the path of an analysis.json")
    policy = given.get("policy", DEFAULT_POLICY)
    if policy not in POLICIES:
        raise ConfigError(f"{where}: select has no policy {shown(policy)}{_nearest(policy, POLICIES)}")
    fallback = given.get("fallback")
    if fallback is not None and fallback not in FALLBACKS:
        raise ConfigError(f"{where}: select has no fallback {shown(fallback)}{_nearest(fallback, FALLBACKS)}")
    limits = {key: given[key] for key in BUDGET_KEYS if given.get(key) is not None}
    if "times" in limits:
        times = _typed(where, given, "times", str, "the path of what 'profile --by-depth' wrote")
        limits["times"] = folder / _user_path(where, times)
    try:
        budget = Budget(**limits) if limits or policy == "budget" else None
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    analysis = folder / _user_path(where, _typed(where, given, "analysis", str, "the path of an analysis.json"))
    return Selection(analysis=analysis, policy=policy, budget=budget, fallback=fallback)


def _base_args(where: str, given: Any, folder: Path) -> dict[str, Any]:
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        raise ConfigError(f"{where}: base_args must be a mapping of argument names to values, not {shown(given)}")
    for key in ("legacy", "fairseq"):
        if given.get(key):
            raise ConfigError(f"{where}: base_args: {key} has a checkpoint unpickled; a config cannot ask for it")
    if "ckpt" not in given:
        return dict(given)
    beside = folder / _typed(where, given, "ckpt", str, "a path, a URL or a model id")
    try:
        return {**given, "ckpt": str(beside.resolve())} if beside.exists() else dict(given)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"{where}: ckpt {shown(given['ckpt'])} is no path: {reason_of(error)}") from error


def _user_path(where: str, given: str) -> Path:
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{where}: {shown(given)} is no path: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """What an error says, without the number and path of the system's own."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def check_name(where: str, name: str) -> None:
    """Refuse a name that the hub, a Python module, cannot hold, or that has more than one spelling.

    Raises:
        ConfigError: the name is not made of ASCII letters, digits and underscores.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: name {shown(name)} must be letters, digits and underscores (ASCII) and start with a letter, "
            "as hub names do"
        )


def check_stated(where: str, name: str, base: str, layers: int | None) -> None:
    """Refuse a name that states another cut than the one it stands for.

    Args:
        where: the file or option, for the message.
        name: the name on the hub.
        base: the upstream that is cut.
        layers: the depth; None when it is looked up in an analysis and can change.

    Raises:
        ConfigError: it does.

    >>> check_stated("cut.yaml", "hubert_convexpruned_L3", "hubert", 1)
    Traceback (most recent call last):
    s3prl_convexprune.errors.ConfigError: cut.yaml: the name 'hubert_convexpruned_L3' says 3 layers of hubert, ...
    """
    check_name(where, name)
    stated = LIKE_A_CUT_NAME.fullmatch(name)
    if stated and name != f"{base}_convexpruned_L{layers}":
        if stated["base"] == base and int(stated["layers"]) == layers:
            raise ConfigError(f"{where}: {name!r} is spelt {base}_convexpruned_L{layers}")
        is_ = "a depth that an analysis decides" if layers is None else f"{layers} layers of {base}"
        raise ConfigError(
            f"{where}: the name {name!r} says {int(stated['layers'])} layers of {stated['base']}, but it stands for "
            f"{is_}; give it a name without a number of layers, such as {base}_convexpruned_mine"
        )


def load_config(path: str | Path) -> UpstreamConfig:
    """Read and check one upstream config.

    Args:
        path: the YAML file.

    Raises:
        ConfigError: the file is missing, is not YAML, or has an unknown, missing or impossible key;
            the message names the file, the key and the nearest valid choice.
    """
    path = Path(path)
    given, where = read_yaml(path), printable(path)
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: must hold the keys name, base and layers (or select)")
    _check_keys(where, given, KEYS)
    for key in ("name", "base"):
        if key not in given:
            raise ConfigError(f"{where}: the key {key!r} is missing")
    name = _typed(where, given, "name", str, "a name")
    base = _typed(where, given, "base", str, "the name of an upstream")
    if ("layers" in given) == ("select" in given):
        raise ConfigError(f"{where}: give one of layers (a number) and select (an analysis that decides)")
    layers = _typed(where, given, "layers", int, "a whole number of layers") if "layers" in given else None
    if layers is not None and layers < 0:
        raise ConfigError(f"{where}: layers must be 0 or more, not {shown(layers)}")
    if layers is not None and layers > MOST_LAYERS:
        raise ConfigError(f"{where}: layers is {shown(layers)}; no upstream has more than {MOST_LAYERS}")
    check_stated(where, name, base, layers)
    final_norm = given.get("final_norm")
    if final_norm not in (None, *FINAL_NORMS):
        raise ConfigError(f"{where}: final_norm {shown(final_norm)} is not known{_nearest(final_norm, FINAL_NORMS)}")
    provenance = given.get("provenance", {})
    if not isinstance(provenance, dict):
        raise ConfigError(f"{where}: provenance must be a mapping, not {shown(provenance)}")
    return UpstreamConfig(
        name=name,
        base=base,
        layers=layers,
        select=_selection(where, given["select"], path.parent) if "select" in given else None,
        base_args=_base_args(where, given.get("base_args", {}), path.parent),
        final_norm=final_norm,
        task=_typed(where, given, "task", str, "a task name") if given.get("task") is not None else None,
        provenance=provenance,
        path=path,
    )
