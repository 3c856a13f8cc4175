"""A Kaldi data folder: `wav.scp`, and, where they are there, `segments`, `text`, `utt2spk`, `spk2gender`, `utt2*`.

Each file is a table, a key and a value a line (https://kaldi-asr.org/doc/data_prep.html). `text` becomes the label
``text``, `utt2spk` the label ``speaker``, `spk2gender` ``gender``, and every other `utt2NAME` the label ``NAME``
(`utt2lang`, `utt2session`). An entry of `wav.scp` that ends in ``|`` is a shell command.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TypeAlias

from ..errors import CorpusError
from .audio_header import channels_of
from .extracted import printed_by
from .lines import read_lines
from .manifest import Utterance

#: Tables about an utterance that hold no class.
NO_LABELS = {"utt2dur", "utt2num_frames", "utt2uniq"}
UNSTATED = "-1"  # of a segment's channel
#: Recording, start and end in seconds, channel.
Segment: TypeAlias = tuple[str, float | None, float | None, str | None]


def is_kaldi(folder: Path) -> bool:
    """Whether this is such a folder."""
    return (folder / "wav.scp").is_file()


def read(folder: Path, root: Path | None = None, *, allow_pipes: bool = False) -> list[Utterance]:
    """Read a data folder.

    Args:
        folder: it.
        root: what relative paths in `wav.scp` start at; the folder in which the command runs when None, as in Kaldi.
        allow_pipes: run the shell commands in `wav.scp`, as Kaldi does.

    Returns:
        One utterance a line of `segments`, or of `wav.scp` where there are no segments; no split.

    Raises:
        CorpusError: a table is damaged, has a key twice or lacks an utterance; a segment's recording is not in
            `wav.scp`, or it is of one channel of several; a pipe without `allow_pipes`. The message names the table
            and the key.
    """
    recordings = read_table(folder / "wav.scp")
    segments = _segments(folder / "segments", recordings)
    spoken = segments or {name: (name, None, None, None) for name in recordings}
    labels = _labels(folder, spoken)
    files: dict[str, Path] = {}
    channels = cache(channels_of)  # of a recording, however many segments it has
    rows = []
    for utterance, (recording, start, end, channel) in spoken.items():
        if recording not in files:
            files[recording] = _audio(folder, recording, recordings[recording], root, allow_pipes)
        if channel not in (None, UNSTATED):
            _check_channel(f"{folder / 'segments'}: {utterance}", channel, channels(files[recording]))
        given = {kind: table[utterance] for kind, table in labels.items() if table[utterance]}
        rows.append(Utterance(files[recording], given, start, end, given.get("speaker")))
    return rows


def read_table(path: Path) -> dict[str, str]:
    """Key -> the rest of its line.

    Raises:
        CorpusError: the file cannot be read or is empty, or has a key twice.
    """
    table: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        key, *value = re.split(r"[ \t]+", line.strip(" \t"), maxsplit=1)
        if not key:
            continue
        if key in table:
            raise CorpusError(f"{path} line {number}: has {key!r} twice")
        table[key] = "".join(value)
    if not table:
        raise CorpusError(f"{path}: is empty")
    return table


def _segments(path: Path, recordings: dict[str, str]) -> dict[str, Segment]:
    found: dict[str, Segment] = {}
    for utterance, value in read_table(path).items() if path.exists() else ():
        fields = value.split()
        try:
            recording, start, end = fields[0], float(fields[1]), float(fields[2])
        except (IndexError, ValueError) as error:
            raise CorpusError(f"{path}: {utterance}: expected RECORDING START END, not {value!r}") from error
        channel = fields[3] if len(fields) > 3 else None
        if recording not in recordings:
            raise CorpusError(f"{path}: {utterance}: its recording {recording!r} is not in wav.scp")
        if not 0 <= start < end:
            raise CorpusError(f"{path}: {utterance}: a segment must have 0 <= start < end, not {start} and {end}")
        found[utterance] = recording, start, end, channel
    return found


def _labels(folder: Path, spoken: dict[str, Segment]) -> dict[str, dict[str, str]]:
    labels: dict[str, dict[str, str]] = {}
    for path in [folder / "text", *sorted(folder.glob("utt2*"))]:
        if not path.is_file() or path.name in NO_LABELS:
            continue
        table = read_table(path)
        missing = next((utterance for utterance in spoken if utterance not in table), None)
        if missing is not None:
            raise CorpusError(f"{path}: has no line for the utterance {missing!r}")
        labels["speaker" if path.name == "utt2spk" else path.name.removeprefix("utt2")] = table
    genders = folder / "spk2gender"
    if "speaker" in labels and genders.is_file():
        gender = read_table(genders)
        labels["gender"] = {utterance: gender.get(speaker, "") for utterance, speaker in labels["speaker"].items()}
    return labels


def _check_channel(where: str, channel: str, channels: int) -> None:
    """Channels are averaged, so a segment of one of several would be heard with what the others hold."""
    if channels > 1 or channel != "0":
        raise CorpusError(
            f"{where}: is of channel {channel} of {channels}; channels are averaged here: write each to a file of its "
            "own"
        )


def _audio(folder: Path, recording: str, value: str, root: Path | None, allow_pipes: bool) -> Path:
    where = f"{folder / 'wav.scp'}: {recording}"
    if value.endswith("|"):
        return printed_by(value[:-1].strip(), where, allow_pipes)
    if not value:
        raise CorpusError(f"{where}: has no file")
    return Path(value) if root is None else root / value
