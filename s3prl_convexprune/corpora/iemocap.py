"""IEMOCAP (Busso et al. 2008): ten actors in five sessions of two, scripted and improvised dialogs.

Layout: `SessionN/sentences/wav/DIALOG/DIALOG_F000.wav` with labels in
`SessionN/dialog/EmoEvaluation/DIALOG.txt`, whose lines of interest are `[6.29 - 8.24] TAB Ses01F_impro01_F000
TAB neu TAB [2.5, 2.5, 2.5]`.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import CorpusError
from .manifest import Utterance

EMOTIONS = {"neu": "neu", "hap": "hap", "exc": "hap", "ang": "ang", "sad": "sad"}
SESSIONS = tuple(f"Session{number}" for number in range(1, 6))


def speaker_of(utterance: str) -> str:
    """The actor of an utterance: the session, and the gender of the turn (not of the dialog).

    >>> speaker_of("Ses01F_impro01_M003")
    'Ses01M'
    """
    return utterance[:5] + utterance.rpartition("_")[2][0]


def label_files(session: Path) -> list[Path]:
    """The session's label files, in the order of their names."""
    folder = session / "dialog" / "EmoEvaluation"
    return sorted(path for path in folder.glob("*.txt") if not path.name.startswith("."))


def read_turns(path: Path) -> list[tuple[str, str]]:
    """`(utterance, emotion)` of every turn in a label file, in its order; all of IEMOCAP's emotions."""
    turns = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = [field for field in line.split("\t") if field]
        if line.startswith("[") and len(fields) > 2:
            turns.append((fields[1], fields[2]))
    return turns


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
        wavs = {path.stem: path for path in (session / "sentences" / "wav").glob("*/[!.]*.wav")}
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
