"""Speech Commands (Warden, arXiv 1804.03209): one-second words, v0.01 with 30 and v0.02 with 35 of them.

Layout: `WORD/SPEAKERHASH_nohash_TAKE.wav`, `_background_noise_/*.wav`, `validation_list.txt`,
`testing_list.txt`. The test archive of the 12-class task lies apart: one folder a class, `_unknown_` and `_silence_`
among them.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigError, nearest
from ..manifest import Utterance, by_split
from .archive import KEYWORDS, Take, hash_split, lay_out, lay_out_test, read, read_test_archive
from .check import prepare
from .speakers import speaker_splits

__all__ = [
    "KEYWORDS",
    "Take",
    "hash_split",
    "lay_out",
    "lay_out_test",
    "prepare",
    "read",
    "read_test_archive",
    "speaker_splits",
    "word_splits",
]


def word_splits(root: Path, label: str, test_root: Path | None = None) -> dict[str, list[Utterance]]:
    """train, dev and test, no speaker in two of them.

    Args:
        root: as `read` takes it.
        label: ``word`` or ``keyword``.
        test_root: the test archive of the 12 classes, in place of the listed test files, which have no silence.

    Raises:
        ConfigError: another label.
    """
    if label not in ("word", "keyword"):
        raise ConfigError(f"label {label!r} is not known{nearest(str(label), ('word', 'keyword'))}")
    rows = [row for row in read(root, label) if label in row.labels]
    return by_split(rows) | ({} if test_root is None else {"test": read_test_archive(test_root)})
