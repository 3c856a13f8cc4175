"""Values of a study's YAML as what they must be; what is wrong is said with its place in the file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import ConfigError, nearest
from ..yaml_file import shown


def one_of(where: str, given: Any, known: Sequence[str]) -> str | None:
    """One of a few words, or nothing."""
    if given is not None and given not in known:
        raise ConfigError(f"{where}: {shown(given)}{nearest(str(given), known)}")
    return given


def made_of(where: str, kind: type[Any], given: Any) -> Any:
    """A dataclass of the study from what YAML gave."""
    from pydantic import TypeAdapter, ValidationError

    known_keys(where, mapping_of(where, given), [key.name for key in dataclasses.fields(kind)])
    for key in dataclasses.fields(kind):
        required = key.default is dataclasses.MISSING and key.default_factory is dataclasses.MISSING
        if required and key.name not in given:
            raise ConfigError(f"{where}: {key.name!r} is missing")
    try:
        made = TypeAdapter(kind).validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join([where, *map(str, first["loc"])])
        expected = first["msg"].removeprefix("Input should be ").replace("valid array", "list")
        raise ConfigError(f"{place} is {shown(first['input'])}; expected {expected}") from None
    return made


def known_keys(where: str, given: Mapping[Any, Any], known: Sequence[str]) -> None:
    """Refuse a key that is not known."""
    for key in given:
        if key not in known:
            raise ConfigError(f"{f'{where}: ' if where else ''}no key {shown(key)}{nearest(str(key), known)}")


def list_of(where: str, given: Any) -> list[Any]:
    """A list, as it is."""
    if not isinstance(given, list):
        raise ConfigError(f"{where} is {shown(given)}; expected a list")
    return given


def mapping_of(where: str, given: Any) -> dict[Any, Any]:
    """A mapping, as it is."""
    if not isinstance(given, dict):
        raise ConfigError(f"{where} is {shown(given)}; expected a mapping")
    return given


def there_twice(names: Iterable[Any]) -> Any:
    """The first name that is there a second time, or None."""
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
