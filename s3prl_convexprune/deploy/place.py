"""A new folder that appears whole or not at all, whoever is killed while it is filled."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..atomic import TEMPORARY, check_place, explained, with_usual_mode
from ..errors import ConvexPruneError
from ..outputs import alone
from ..upstreams.exported import exists


def check_new(out: str | Path, ours: Callable[[Path], bool]) -> Path:
    """Refuse, before any work, a place where a new folder cannot come.

    Args:
        out: where it goes.
        ours: whether what lies at a place may be this very folder, made before.

    Raises:
        ConfigError: something else is there.
        OutputError: nothing can be written there.
    """
    out = Path(out)
    with explained(out):
        there_already = out.exists()
    if not there_already:
        return check_place(out)
    if not out.is_dir() or not ours(out):
        with suppress(ConvexPruneError), alone(out):
            pass  # one that was killed right after its end left its lock and an empty folder
        raise exists(out)
    return out


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which is moved to its place at the end; what is there already must hold the same bytes.

    Args:
        out: where it goes, as `check_new` let it pass.

    Raises:
        ConfigError: something else is at `out`, or has come there meanwhile.
        OutputError: nothing can be written there.
        ArtifactError: another process is writing the same folder.
    """
    with alone(out), explained(out):
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=TEMPORARY))
        try:
            yield folder
            for path in [folder, *folder.rglob("*")]:
                with_usual_mode(path)
            if not out.exists():
                folder.replace(out)
            elif _content(out) != _content(folder):
                raise exists(out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest() for path in files}
