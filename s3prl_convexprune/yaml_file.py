"""YAML that others wrote, read in bounded time and memory: whatever a file is, the answer is its content or one line.

PyYAML's safe loader runs no code, but a few hundred bytes of anchors can stand for gigabytes, and a date, a number or
the nesting of a file can raise anything.
"""

from __future__ import annotations

import reprlib
import stat
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError

MOST_BYTES = 64 * 1024
MOST_NODES = 10_000


def read_yaml(path: str | Path, loader: type[yaml.SafeLoader] | type[yaml.FullLoader] = yaml.SafeLoader) -> Any:
    """The content of a YAML file.

    Args:
        path: the file; at most `MOST_BYTES` long, with at most `MOST_NODES` nodes once its aliases are written out.
        loader: of PyYAML.

    Raises:
        ConfigError: the file cannot be read, is no regular file, too large, not UTF-8 or not YAML.
    """
    path, where = Path(path), printable(path)
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            kind = "a folder" if stat.S_ISDIR(state.st_mode) else "a pipe, socket or device"
            raise ConfigError(f"{where}: is {kind}, not a YAML file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{where}: is longer than {MOST_BYTES // 1024} kB, which no config is")
    try:
        return yaml.load(content.decode("utf-8-sig"), bounded(loader))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: is not UTF-8 text (byte {error.start})") from error
    except RecursionError as error:
        raise ConfigError(f"{where}: is nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, LookupError, AttributeError) as error:
        raise ConfigError(f"{where}: is not YAML: {' '.join(str(error).split())[:250]}") from error


def bounded(loader: type[Any]) -> type[Any]:
    """A loader of PyYAML that counts what aliases stand for, and stops."""

    class Bounded(loader):
        def __init__(self, stream: Any) -> None:
            super().__init__(stream)
            self.nodes = 0
            self.sizes: dict[int, int] = {}

        def compose_node(self, parent: Any, index: Any) -> Any:
            alias, before = self.check_event(yaml.AliasEvent), self.nodes
            node = super().compose_node(parent, index)
            # an alias inside what it stands for has no size yet: it never ends
            self.nodes += self.sizes.get(id(node), MOST_NODES) if alias else 1
            if self.nodes > MOST_NODES:
                raise yaml.YAMLError(f"it stands for more than {MOST_NODES} values")
            self.sizes.setdefault(id(node), self.nodes - before)
            return node

    return Bounded


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxtuple = 2, 3, 4, 4
_SHORT.maxstring = _SHORT.maxother = 60


def shown(value: Any) -> str:
    """A value for a message: its `repr`, cut where it is long.

    >>> shown("six"), shown([[1, 2, 3, 4, 5], "a"])
    ("'six'", "[[1, 2, 3, 4, ...], 'a']")
    """
    try:
        return _SHORT.repr(value)
    except ValueError:  # a number with more digits than Python prints
        return f"a huge {type(value).__name__}"


def printable(path: str | Path) -> str:
    """A path for a message of one line: quoted and escaped where it holds anything that is not for printing."""
    text = str(path)
    text = text if len(text) <= 300 else f"{text[:297]}..."
    return text if text.isprintable() else ascii(text)
