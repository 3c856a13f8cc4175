"""IEMOCAP for s3prl's emotion expert: its `meta_data` lists, from the corpus's own label files.

s3prl splits the training sessions into train and dev by position, so the order of the list is part of the
protocol. s3prl's script takes the order in which the file system lists the dialogs; the published lists have
the order of the machine they were made on. `dialogs.csv` states that order of the 151 dialogs, so
that the same lists come out everywhere; dialogs that it does not know follow in the order of their names.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

from ...errors import CorpusError
from ...progress import progress_bar
from ..prepared import Prepared, need, put
from .label_files import EMOTIONS, SESSIONS, label_files, read_turns, wav_files

LABELS = {"neu": 0, "hap": 1, "ang": 2, "sad": 3}
# utterances of each session in s3prl's published lists, and the SHA-256 of their "PATH LABEL\n" lines
PUBLISHED = {
    "Session1": (1085, "50804ab57233a5b5469046368e81f219ce64a5a6bd9410ea8ab7738aaee6e487"),
    "Session2": (1023, "c3e4e756ba085661bfd675bf4a054eb93337ca65014163cf54dab8537666f754"),
    "Session3": (1151, "150046224462378e7231251e8ff039b6f75cf727308d0903e8f6bca17e9c6487"),
    "Session4": (1031, "403751299d5fa8028a7d04f955481ad82c3a15f2796de39f07e5f6ed89f1b0c9"),
    "Session5": (1241, "c8b00708d321665a0fb38c0d0ce98f6314fecdb0dc2af173665cf9fd1ec3fa56"),
}

Row = dict[str, str]


def dialog_order() -> dict[str, int]:
    """Dialog -> its place in s3prl's published lists."""
    with Path(__file__).with_name("dialogs.csv").open(newline="") as file:
        return {row["dialog"]: place for place, row in enumerate(csv.DictReader(file))}


def session_rows(root: Path, session: str) -> list[Row]:
    """The four-class utterances of a session, in the published order.

    Raises:
        CorpusError: the session lacks its labels or its audio.
    """
    need(root / session, "IEMOCAP has the folders Session1 to Session5")
    labels = need(root / session / "dialog" / "EmoEvaluation", "it holds the session's emotion labels")
    need(root / session / "sentences" / "wav", "it holds the session's utterances")
    files = label_files(root / session)
    if not files:
        raise CorpusError(f"{labels} has no label files (Ses01F_impro01.txt, ...)")
    order = dialog_order()
    files.sort(key=lambda path: (order.get(path.stem, len(order)), path.stem))
    wavs = wav_files(root / session)
    rows = [
        {
            "path": wavs[utterance].relative_to(root).as_posix(),
            "label": EMOTIONS[emotion],
            "speaker": utterance.partition("_")[0],
        }
        for path in files
        for utterance, emotion in read_turns(path)
        if emotion in EMOTIONS and utterance in wavs
    ]
    absent = set(EMOTIONS.values()) - {row["label"] for row in rows}
    if absent:
        raise CorpusError(f"{root / session} has no utterance labelled {sorted(absent)[0]} with its wav file")
    return rows


def is_published(session: str, rows: list[Row]) -> bool:
    """Whether the rows are those of s3prl's published list, in its order."""
    lines = "".join(f"{row['path']} {row['label']}\n" for row in rows)
    return PUBLISHED[session] == (len(rows), hashlib.sha256(lines.encode()).hexdigest())


def prepare(root: Path, place: Path) -> Prepared:
    """Write `meta_data/SessionN/{train,test}_meta_data.json`, N = 1 to 5, as s3prl's emotion expert reads them.

    Args:
        root: the folder with `Session1` to `Session5`.
        place: where `meta_data` goes.
    """
    rows = {session: session_rows(root, session) for session in progress_bar(SESSIONS, desc="IEMOCAP sessions")}
    files = []
    for session in SESSIONS:
        others = [row for other in SESSIONS if other != session for row in rows[other]]
        for part, chosen in (("train", others), ("test", rows[session])):
            content = json.dumps({"labels": LABELS, "meta_data": chosen})
            files.append(put(place / "meta_data" / session / f"{part}_meta_data.json", content))
    different = [session for session in SESSIONS if not is_published(session, rows[session])]
    if different:
        note = (
            f"{', '.join(different)}: not as s3prl publishes them, so the train/dev split of a fold is not "
            "the published one (SUPERB's five sessions have 5531 utterances, "
            f"these have {sum(map(len, rows.values()))})"
        )
    else:
        note = "identical to the lists that s3prl publishes, order included: folds and splits are SUPERB's"
    return Prepared("er", tuple(files), {"S3PRL_CONVEXPRUNE_DATA_IEMOCAP": str(root)}, (note,))
