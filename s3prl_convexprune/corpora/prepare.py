"""What s3prl's recipes need beside the audio and the pip package does not bring: made here, from the corpus
itself.

A corpus's module has `prepare(root, place, ...)`: it checks the corpus's layout, names the first missing piece, and
writes the task's files. A file that is already there with the same content is left alone, one with other content is
never replaced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..atomic import check_place
from ..errors import ConfigError, CorpusError, OutputError, nearest
from . import CORPORA
from .prepared import Prepared

#: Task -> the name of the corpus whose module prepares it.
PREPARERS = {corpus.task: corpus.name for corpus in CORPORA.values() if corpus.task}
ENVIRONMENT = "S3PRL_CONVEXPRUNE_PREPARED"


def prepare(task: str, root: str | Path, output: str | Path | None = None, **options: Any) -> Prepared:
    """Check a corpus and make what its recipe needs.

    Args:
        task: a key of `PREPARERS`.
        root: the corpus's folder.
        output: where the files go; the corpus's folder when None. `run_downstream.py` finds another folder by
            `S3PRL_CONVEXPRUNE_PREPARED`; one folder may serve all tasks.
        options: `test_root` (ks).

    Raises:
        ConfigError: there is no such task.
        CorpusError: the corpus lacks something, or a different file of that name is in the way, or the folder
            cannot be written.
    """
    if task not in PREPARERS:
        raise ConfigError(f"nothing to prepare for task {task!r}{nearest(task, PREPARERS)}")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not a folder; it should be the root of the corpus")
    try:
        place = folder if output is None else check_place(Path(output).expanduser(), folder=True)
    except OutputError as error:
        raise CorpusError(f"{error}; give --output DIR with a folder that can be written") from error
    module = CORPORA[PREPARERS[task]].module
    prepared: Prepared = module.prepare(folder.resolve(), place.resolve(), **options)
    if output is not None and prepared.files:
        prepared.variables[ENVIRONMENT] = str(place.resolve())
    return prepared


def find_prepared(root: str | Path, name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a prepared file is, or should be.

    Args:
        root: the corpus's folder.
        name: the file or folder below it, for example ``char.dict``.
        environ: where `S3PRL_CONVEXPRUNE_PREPARED` is looked up.

    Returns:
        The one in the folder that the variable names, if it is there; else the place in the corpus's folder.
    """
    elsewhere = environ.get(ENVIRONMENT)
    if elsewhere and (found := Path(elsewhere).expanduser() / name).exists():
        return found
    return Path(root).expanduser() / name
