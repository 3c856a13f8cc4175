"""The lines of a corpus's tables: UTF-8, ended by a line feed and by nothing else that Unicode calls an end of line."""

from __future__ import annotations

from pathlib import Path

from ..errors import CorpusError


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, without their ends.

    Raises:
        CorpusError: it cannot be read, or is not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: is not UTF-8 text") from error
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
