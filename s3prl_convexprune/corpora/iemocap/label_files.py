"""IEMOCAP's label files, and where the audio of their turns lies."""

from __future__ import annotations

from pathlib import Path

EMOTIONS = {"neu": "neu", "hap": "hap", "exc": "hap", "ang": "ang", "sad": "sad"}
SESSIONS = tuple(f"Session{number}" for number in range(1, 6))


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


def wav_files(session: Path) -> dict[str, Path]:
    """Utterance -> its file, of one session."""
    return {path.stem: path for path in (session / "sentences" / "wav").glob("*/[!.]*.wav")}
