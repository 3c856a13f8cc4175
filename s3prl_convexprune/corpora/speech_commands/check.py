"""KS: nothing to make. The two archives of Speech Commands are checked; s3prl fails late on a wrong one."""

from __future__ import annotations

from pathlib import Path

from ...errors import CorpusError
from ..audio_header import read_header
from ..prepared import Prepared, need
from .archive import CLASSES, FOLDERS, KEYWORDS, NOISE, hash_split, speaker_of


def check_training(root: Path) -> None:
    """Check the full archive.

    Raises:
        CorpusError: a keyword folder, other words, the background noise, or a split is missing.
    """
    for word in KEYWORDS:
        need(root / word, "the full archive of Speech Commands has a folder a word")
    words = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name != NOISE)
    splits = {hash_split(speaker_of(path.name)) for word in words for path in (root / word).glob("*.wav")}
    for split in ("train", "dev"):
        if split not in splits:
            raise CorpusError(f"{root} has no wav file of the split {split} (the speaker's hash decides it)")
    if not set(words) - set(KEYWORDS):
        raise CorpusError(f"{root} has no words but the ten keywords; the class _unknown_ is made of the others")
    noises = sorted(need(root / NOISE, "the class _silence_ is cut from it").glob("*.wav"))
    if not noises:
        raise CorpusError(f"{root / NOISE} has no wav files; the class _silence_ is cut from them")
    for path in noises:
        if read_header(path).seconds < 1:
            raise CorpusError(f"{path} is shorter than the second that s3prl cuts from it")


def check_test(root: Path) -> None:
    """Check the test archive.

    Raises:
        CorpusError: one of the 12 class folders is missing or empty, or there is another folder.
    """
    for name in CLASSES:
        if not any(need(root / name, "the test archive has a folder for each of 12 classes").glob("*.wav")):
            raise CorpusError(f"{root / name} has no wav files")
    others = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name not in CLASSES)
    if others:
        raise CorpusError(f"{root / others[0]} is not a class of the test archive; is this the full archive?")


def prepare(root: Path, place: Path, test_root: str | Path | None = None) -> Prepared:
    """Check both archives.

    Args:
        root: the full archive, or a folder that holds both under their own names.
        place: not used, nothing is written.
        test_root: the test archive; found beside the full one under its own name when None.
    """
    full = root / FOLDERS[0] if (root / FOLDERS[0]).is_dir() else root
    test = Path(test_root).expanduser() if test_root is not None else full.parent / FOLDERS[1]
    check_training(full)
    need(test, "the test archive (speech_commands_test_set_v0.01.tar.gz); --test-root DIR says where it is")
    check_test(test)
    variables = {
        "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS": str(full),
        "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS_TEST": str(test.resolve()),
    }
    return Prepared("ks", (), variables, ("the corpus needs no further files",))
