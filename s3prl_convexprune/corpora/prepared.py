"""What a corpus's `prepare` gives back, and how it writes: whole files, once, and never over something else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..atomic import refusal, write_text
from ..errors import CorpusError, OutputError


@dataclass(frozen=True)
class Prepared:
    """What a task has now.

    Args:
        task: er, ks, sid or asr.
        files: the files that the recipe reads, made now or before.
        variables: the environment variables under which `run_downstream.py` finds corpus and files.
        notes: what a user must know about them, a sentence each.
    """

    task: str
    files: tuple[Path, ...]
    variables: dict[str, str]
    notes: tuple[str, ...] = ()


def put(path: Path, content: str) -> Path:
    """Write `content` to `path` unless it is there already.

    Raises:
        CorpusError: another content is there, or the folder cannot be written.
    """
    try:
        if path.exists():
            if path.read_text(encoding="utf-8") == content:
                return path
            raise CorpusError(
                f"{path} exists and is not what would be written; it may hold another order or split: "
                "move it away, or give --output DIR"
            )
        return write_text(path, content)
    except OSError as error:
        reason = error if isinstance(error, OutputError) else f"{path}: {refusal(error)}"
        raise CorpusError(f"{reason}; give --output DIR with a folder that can be written") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} exists and is not text; move it away, or give --output DIR") from error


def need(path: Path, what: str) -> Path:
    """`path`, which has to exist.

    Raises:
        CorpusError: it does not.
    """
    if not path.exists():
        raise CorpusError(f"{path} is missing: {what}")
    return path
