"""What a cell's folder is for: written when it is begun, compared on every return to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...atomic import write_json
from ...errors import ArtifactError
from ...results.reading import FAILED, LOG, SPEC
from ...schema import read_json

LOCK = "lock"


def claim(folder: Path, spec: dict[str, Any], name: str = SPEC) -> None:
    """Write what a folder is for, or check that it is for the same.

    Args:
        folder: a cell's.
        spec: everything that decides its numbers.
        name: the file that says so.

    Raises:
        ArtifactError: it was made with other settings, or by somebody else; the message names what differs.
    """
    path = folder / name
    if not path.exists():
        foreign = sorted({entry.name for entry in folder.iterdir()} - {FAILED, LOG, LOCK})
        if foreign:
            raise ArtifactError(f"{folder}: holds {foreign[0]} but no {name}: not made by us, so it is left alone")
        write_json(path, spec)
        return
    before, now = read_json(path), json.loads(json.dumps(spec))
    if before.get("version") != now.get("version") or ("cut" in now and "cut" not in before):
        raise ArtifactError(f"{folder}: was made by another version of this package; take another output folder")
    if before != now:
        differ = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        raise ArtifactError(f"{folder}: was made with another {', '.join(differ)}; take another output folder")
