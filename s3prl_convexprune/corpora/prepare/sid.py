"""SID: the list that s3prl calls `veri_test_class.txt`, which is VoxCeleb's own `iden_split.txt` renamed."""

from __future__ import annotations

from pathlib import Path

from ...errors import CorpusError
from ...progress import progress_bar
from ..voxceleb1 import find_iden_split, read_iden_split
from . import Prepared
from .files import need, put

SOURCE = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/iden_split.txt"
FIRST_SPEAKER, SPEAKERS = 10001, 1251


def prepare(root: Path, place: Path) -> Prepared:
    """Write `veri_test_class.txt` after every file that it lists was found.

    Args:
        root: the folder with `dev/wav` and `test/wav`, and VoxCeleb's `iden_split.txt`.
        place: where the list goes.

    Raises:
        CorpusError: no list, a damaged list, a listed file that is not there, or a speaker outside VoxCeleb1.
    """
    need(root / "dev" / "wav", "s3prl reads VoxCeleb1 as dev/wav/SPEAKER/VIDEO/UTTERANCE.wav")
    need(root / "test" / "wav", "s3prl reads VoxCeleb1 as test/wav/SPEAKER/VIDEO/UTTERANCE.wav")
    source = find_iden_split(root)
    if source is None:
        raise CorpusError(f"{root / 'iden_split.txt'} is missing; VoxCeleb publishes it at {SOURCE}")
    listed = read_iden_split(source)
    there = {
        "/".join(path.parts[-3:])
        for speaker in progress_bar(sorted(root.glob("*/wav/*")), desc="VoxCeleb1 speakers")
        for path in speaker.glob("*/*.wav")
    }
    for name in listed:
        number = name[2:].partition("/")[0]
        if not (number.isdigit() and 0 <= int(number) - FIRST_SPEAKER < SPEAKERS):
            raise CorpusError(f"{source}: {name} is not of a VoxCeleb1 speaker (id10001 to id11251)")
        if name not in there:
            raise CorpusError(
                f"{root}/dev/wav/{name} (or test/wav/...) is missing: of the {len(listed)} files in "
                f"{source.name}, {len(set(listed) - there)} are not there"
            )
    empty = sorted({"train", "dev", "test"} - set(listed.values()))
    if empty:
        raise CorpusError(f"{source} lists no file of the split {empty[0]} (1 train, 2 dev, 3 test)")
    written = put(place / "veri_test_class.txt", source.read_text())
    note = "plain s3prl caches one file list for all data sets; run_downstream.py of this package does not"
    return Prepared("sid", (written,), {"S3PRL_CONVEXPRUNE_DATA_VOXCELEB1": str(root)}, (note,))
