"""Audio that lies in no file of its own, as a file: under the SHA-256 of its bytes in the user's cache.

The bytes of a parquet file and what a Kaldi pipe prints become files there, so that everything behind a corpus has
one kind of audio: a path. The same audio is kept once, and a fingerprint of paths is one of content.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from ..atomic import write_bytes
from ..errors import CorpusError
from ..resources import user_cache


def extracted_dir() -> Path:
    """Where such files lie: `s3prl_convexprune/audio` below `XDG_CACHE_HOME` or `~/.cache`."""
    return user_cache() / "audio"


def keep(content: bytes, suffix: str = ".wav") -> Path:
    """The file with these bytes, written unless it is there.

    Raises:
        OutputError: the cache cannot be written.
    """
    name = hashlib.sha256(content).hexdigest()
    path = extracted_dir() / name[:2] / f"{name}{suffix}"
    return path if path.is_file() else write_bytes(path, content)


def printed_by(command: str, where: str, allowed: bool) -> Path:
    """What a shell command prints, as a file.

    Args:
        command: a pipe of a Kaldi or lhotse manifest, without its ``|``.
        where: the table and the utterance, for the message.
        allowed: whether the user said that this corpus's commands may run.

    Raises:
        CorpusError: they may not, or the command failed or printed nothing.
    """
    if not allowed:
        raise CorpusError(
            f"{where}: its audio is what the shell command {command[:80]!r} prints; if you trust whoever wrote it, "
            "--allow-pipes runs it"
        )
    done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else "it printed nothing"
        raise CorpusError(f"{where}: the command {command[:80]!r} ended with status {done.returncode}: {reason}")
    return keep(done.stdout)
