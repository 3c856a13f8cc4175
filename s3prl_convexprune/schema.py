"""Typed artifacts: one frozen dataclass a file, read and written with its format, its version and every field checked.

pydantic holds a file against the dataclass: types are not converted, unknown fields, NaN and infinity are refused,
and the first thing that is wrong is named with its place (`layers.3.sem`). What one field says about another is checked
in the dataclass's own `__post_init__` by raising ValueError.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from annotated_types import Ge, Gt, Le, Predicate

from . import atomic, outputs, versions
from .errors import ArtifactError
from .numbers import LEARNING_RATE, SECONDS, SEED

Kind = TypeVar("Kind", bound="Artifact")


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 in hexadecimal."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


Percent = Annotated[float, Ge(0), Le(100)]
Share = Annotated[float, Ge(0), Le(1)]
NotNegative = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]
Count = Annotated[int, Ge(0)]
AtLeastOne = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(SEED.low), Le(SEED.high)]
LearningRate = Annotated[float, Gt(LEARNING_RATE.low), Le(LEARNING_RATE.high)]
Length = Annotated[float, Ge(SECONDS.low), Le(SECONDS.high)]
Sha256 = Annotated[str, Predicate(is_sha256)]


class Part:
    """What a dataclass inside an artifact derives from."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"strict": True, "extra": "forbid", "allow_inf_nan": False}


class Artifact(Part):
    """What the dataclass of a whole file derives from.

    Attributes:
        FORMAT: what the file calls itself, after "s3prl-convexprune".
        VERSION: of its fields.
        MADE_BY: what makes one, for messages.
    """

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int]
    MADE_BY: ClassVar[str]

    def write(self, path: str | Path) -> Path:
        """Write the artifact, whole or not at all.

        Raises:
            ArtifactError: what is at `path` is not an older version of the same artifact, or a field is out of range.
        """
        path = outputs.check_output(path, self.FORMAT, self.VERSION)
        content = {"format": f"{versions.PROGRAM} {self.FORMAT}", "version": self.VERSION, **asdict(self)}  # type: ignore[call-overload]
        try:
            text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        except ValueError as error:
            raise ArtifactError(f"{path}: cannot be written: a number in it is NaN or infinite") from error
        one_line_a_list = re.sub(r"\[\n[\s\d.e+,-]+\]", lambda numbers: " ".join(numbers[0].split()), text)
        type(self).parse(one_line_a_list, path)
        return atomic.write_text(path, one_line_a_list + "\n")

    @classmethod
    def read(cls: type[Kind], path: str | Path) -> Kind:
        """Read the artifact.

        Raises:
            ArtifactError: the file is missing, is of another kind or version, or a field is missing, unknown, of
                another type or out of range; the message names the file and the field.
        """
        return cls.parse(read_text(path), path)

    @classmethod
    def parse(cls: type[Kind], text: str, path: str | Path) -> Kind:
        """`read` for the text of a file."""
        given = parse_json(text, path)
        if not isinstance(given, dict) or given.pop("format", None) != f"{versions.PROGRAM} {cls.FORMAT}":
            raise ArtifactError(f"{path}: is not {_a(cls.FORMAT)}; {cls.MADE_BY!r} writes one")
        if (version := given.pop("version", None)) != cls.VERSION or isinstance(version, bool):
            raise ArtifactError(
                f"{path}: is of version {_short(version)} of {_a(cls.FORMAT)}; this package reads version "
                f"{cls.VERSION}: make it again with {cls.MADE_BY!r}"
            )
        return validated(cls, given, path)


def read_text(path: str | Path) -> str:
    """The text of a regular UTF-8 file.

    Raises:
        ArtifactError: there is none; a pipe or device would be waited for forever.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise ArtifactError(f"{path}: is not a file")
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path}: is not a text file") from error


def parse_json(text: str, path: str | Path) -> Any:
    """JSON as its standard has it: no NaN, no infinity, no key twice.

    Raises:
        ArtifactError: it is not.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_each_once)
    except RecursionError as error:
        raise ArtifactError(f"{path}: is not JSON: nested too deeply") from error
    except ValueError as error:
        raise ArtifactError(f"{path}: is not JSON ({_short(error)}); it may be half-written") from error


def read_json(path: str | Path) -> dict[str, Any]:
    """A JSON object without a format of its own.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    content = parse_json(read_text(path), path)
    if not isinstance(content, dict):
        raise ArtifactError(f"{path}: expected a JSON object")
    return content


def validated(kind: Any, given: Any, path: str | Path) -> Any:
    """A dataclass from what JSON gave.

    Args:
        kind: a dataclass that derives from `Part`.
        given: JSON types.
        path: the file, for messages.

    Raises:
        ArtifactError: a field is missing, unknown, of another type or out of range.
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(json.dumps(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ArtifactError(f"{path}: {_explain(first)}") from error


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _explain(error: Any) -> str:
    """One of pydantic's errors in one line: the field, and what is wrong with it."""
    field = ".".join(map(str, error["loc"]))
    said = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    match error["type"]:
        case "missing":
            return f"{field} is missing"
        case "unexpected_keyword_argument":
            return f"{field} is not a field of it"
        case "json_invalid":
            return f"is not JSON ({said})"
        case "value_error":
            return f"{field}: {said}" if field else str(said)
        case "predicate_failed":
            said = "a SHA-256: 64 hexadecimal digits"
    return f"{field} is {_short(error['input'])}, expected {said}"


def _short(value: Any) -> str:
    text = str(value) if isinstance(value, Exception) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return content
