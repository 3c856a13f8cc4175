"""IEMOCAP (Busso et al. 2008): ten actors in five sessions of two, scripted and improvised dialogs.

Layout: `SessionN/sentences/wav/DIALOG/DIALOG_F000.wav` with labels in
`SessionN/dialog/EmoEvaluation/DIALOG.txt`, whose lines of interest are `[6.29 - 8.24] TAB Ses01F_impro01_F000
TAB neu TAB [2.5, 2.5, 2.5]`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ConfigError, CorpusError
from ...sampling import SAMPLE_RATE
from ..layout import write_audio, write_lines
from ..manifest import Utterance
from .label_files import EMOTIONS, SESSIONS, label_files, read_turns, wav_files
from .meta_data import prepare

__all__ = ["Turn", "lay_out", "prepare", "random_splits", "read", "session_splits"]


def speaker_of(utterance: str) -> str:
    """The actor of an utterance: the session, and the gender of the turn (not of the dialog).

    >>> speaker_of("Ses01F_impro01_M003")
    'Ses01M'
    """
    return utterance[:5] + utterance.rpartition("_")[2][0]


def read(root: Path, label: str) -> list[Utterance]:
    """Read the five sessions.

    Args:
        root: the folder with `Session1` to `Session5` (`IEMOCAP_full_release`).
        label: ``emotion`` (neu, hap, ang, sad; excited counts as hap, other emotions have no label),
            ``speaker`` or ``session``.

    Returns:
        One utterance a labelled turn that has a wav file; no split, the corpus defines none.

    Raises:
        CorpusError: no session folder, a session without labels, or no labelled turn with audio.
    """
    sessions = [root / name for name in SESSIONS if (root / name).is_dir()]
    if not sessions:
        raise CorpusError(f"{root} has no Session1 ... Session5 folders of IEMOCAP")
    rows = []
    for session in sessions:
        labelled = label_files(session)
        if not labelled:
            raise CorpusError(f"{session / 'dialog' / 'EmoEvaluation'} has no label files (Ses01F_impro01.txt, ...)")
        wavs = wav_files(session)
        for utterance, emotion in (turn for path in labelled for turn in read_turns(path)):
            if utterance in wavs:
                speaker = speaker_of(utterance)
                labels = {"speaker": speaker, "session": session.name}
                if emotion in EMOTIONS:
                    labels["emotion"] = EMOTIONS[emotion]
                rows.append(Utterance(wavs[utterance], labels, speaker=speaker))
    if not rows:
        raise CorpusError(f"{root}: no turn in the label files has its wav under SessionN/sentences/wav/DIALOG/")
    return rows


def session_splits(root: Path, test_session: int, seed: int) -> dict[str, list[Utterance]]:
    """Leave one session, hence its two speakers, out for the test; a fifth of the rest is for dev (SUPERB's folds).

    Args:
        root: as `read` takes it.
        test_session: 1 to 5.
        seed: of the draw.

    Raises:
        ConfigError: the corpus has no such session.
    """
    rows = _with_emotion(root)
    sessions = sorted({row.labels["session"] for row in rows})
    name = f"Session{test_session}"
    if name not in sessions:
        raise ConfigError(f"test_session {test_session}: the corpus has {', '.join(sessions)}")
    rest = _shuffled([row for row in rows if row.labels["session"] != name], seed)
    fifth = len(rest) // 5
    return {"train": rest[fifth:], "dev": rest[:fifth], "test": [row for row in rows if row.labels["session"] == name]}


def random_splits(root: Path, seed: int) -> dict[str, list[Utterance]]:
    """80 % train, 10 % dev, 10 % test, whoever speaks."""
    mixed = _shuffled(_with_emotion(root), seed)
    tenth = len(mixed) // 10
    return {"dev": mixed[:tenth], "test": mixed[tenth : 2 * tenth], "train": mixed[2 * tenth :]}


def _with_emotion(root: Path) -> list[Utterance]:
    return [row for row in read(root, "emotion") if "emotion" in row.labels]


def _shuffled(rows: Iterable[Utterance], seed: int) -> list[Utterance]:
    """The rows in a random order that depends on their paths and the seed alone."""
    ordered = sorted(rows, key=lambda row: str(row.path))
    random.Random(seed).shuffle(ordered)
    return ordered


@dataclass(frozen=True)
class Turn:
    """One turn to lay out.

    Args:
        session: ``Session1`` to ``Session5``.
        dialog: the folder of its file.
        name: of the utterance and its file.
        emotion: IEMOCAP's word for it.
        samples: 16 kHz mono in [-1, 1], shape `[samples]`.
        listed_in: the label file that has it; IEMOCAP has one a dialog.
    """

    session: str
    dialog: str
    name: str
    emotion: str
    samples: np.ndarray
    listed_in: str | None = None


def lay_out(root: Path, turns: Iterable[Turn]) -> Path:
    """Write a corpus as IEMOCAP lies on disk: audio, and label files with the turns in the order given."""
    listed: dict[Path, list[str]] = {}
    for number, turn in enumerate(turns):
        session = root / turn.session
        write_audio(session / "sentences" / "wav" / turn.dialog / f"{turn.name}.wav", turn.samples)
        times = f"[{number:.4f} - {number + len(turn.samples) / SAMPLE_RATE:.4f}]"
        path = session / "dialog" / "EmoEvaluation" / f"{turn.listed_in or turn.dialog}.txt"
        lines = listed.setdefault(path, ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""])
        lines += [f"{times}\t{turn.name}\t{turn.emotion}\t[2.5000, 2.5000, 2.5000]", "C-E2:\tNeutral;\t()", ""]
    for path, lines in listed.items():
        write_lines(path, lines)
    return root
