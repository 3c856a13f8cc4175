"""What a sample is, by its audio and labels, wherever its files lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from ..corpora.manifest import Utterance
from ..errors import CorpusError
from ..fingerprint import file_sha256
from ..progress import progress_bar


def corpus_fingerprint(sample: Sequence[Utterance], label: str, progress: bool = True) -> str:
    """SHA-256 over the sample: every file's bytes, every segment's times, every label; not where the files lie."""
    files = sorted({utterance.path for utterance in sample})
    content = {path: _digest(path) for path in progress_bar(files, unit="file", desc="fingerprint", show=progress)}
    digest = hashlib.sha256()
    for row in sample:
        digest.update(json.dumps([row.path.name, content[row.path], row.start, row.end, row.labels[label]]).encode())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise CorpusError(f"{path}: the audio file cannot be read: {error.strerror}") from error
