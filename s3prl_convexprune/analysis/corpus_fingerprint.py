"""What a sample is, by its audio and labels, wherever its files lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ..corpora.manifest import Utterance
from ..errors import CorpusError
from ..fingerprint import file_sha256
from ..progress import progress_bar


def digest(path: Path) -> str:
    """SHA-256 of an audio file.

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise CorpusError(f"{path}: the audio file cannot be read: {error.strerror}") from error


def corpus_fingerprint(
    sample: Sequence[Utterance], label: str, progress: bool = True, of_file: Callable[[Path], str] = digest
) -> str:
    """SHA-256 over the sample: every file's bytes, every segment's times, every label; not where the files lie.

    Args:
        sample: the utterances, in order.
        label: the label kind that is measured.
        progress: whether to show a bar.
        of_file: what makes the digest of a file.
    """
    files = sorted({utterance.path for utterance in sample})
    content = {path: of_file(path) for path in progress_bar(files, unit="file", desc="fingerprint", show=progress)}
    whole = hashlib.sha256()
    for row in sample:
        whole.update(json.dumps([row.path.name, content[row.path], row.start, row.end, row.labels[label]]).encode())
    return whole.hexdigest()
