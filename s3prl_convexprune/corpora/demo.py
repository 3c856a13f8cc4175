"""The embedded corpus: synthetic voices, shipped in the package, for trying things without data.

Its styles are prosody settings of speech synthesisers, not emotions; `emotion` names them so that the emotion
recipe can be tried, and says nothing about emotion recognition. `lay_out` writes it as the corpora that s3prl's and
SpeechBrain's recipes read, so that nothing in them is changed for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..demo.corpus import demo_clips, demo_manifest_path, read_clip
from ..errors import CorpusError, nearest
from ..sampling import SAMPLE_RATE
from . import iemocap, librispeech, speech_commands, voxceleb1
from .manifest import Utterance, read_manifest
from .prepare import prepare
from .prepared import Prepared

_SUBSETS = {"train": "train-clean-100", "dev": "dev-clean", "test": "test-clean"}
_EMOTIONS = {"neutral": "neu", "happy": "hap", "angry": "ang", "sad": "sad"}
_SILENCES_A_NOISE = 8


def read(root: Path | None, label: str) -> list[Utterance]:
    """Read the shipped manifest.

    Args:
        root: not used; the corpus lies in the package.
        label: ``word``, ``speaker``, ``style`` or its other name ``emotion``. For ``speaker`` the split is
            the one that holds words out, for the others the one that holds speakers out.
    """
    rows = read_manifest(demo_manifest_path())
    if label == "speaker":
        rows = [replace(row, split=row.labels.get("speaker_split")) for row in rows]
    return [
        replace(row, labels={**row.labels, "emotion": row.labels["style"]}) if "style" in row.labels else row
        for row in rows
    ]


def lay_out(root: str | Path, task: str) -> Prepared:
    """Write the corpus as the one that a task's recipe reads, and prepare it for s3prl.

    Args:
        root: a folder, made if it is not there; existing files of the same names are overwritten.
        task: ``ks``, ``sid``, ``er`` or ``asr``.

    Returns:
        What `prepare` gives back; its `variables` say where the corpus lies.

    Raises:
        CorpusError: no such task, or other files that recipes read are in the way.
    """
    if task not in _LAYOUTS:
        raise CorpusError(f"no layout for task {task!r}{nearest(task, _LAYOUTS)}")
    return _LAYOUTS[task](Path(root).resolve())


def _clips(kind: str) -> list[dict[str, str]]:
    return [clip for clip in demo_clips() if clip["kind"] == kind]


def _as_speech_commands(root: Path) -> Prepared:
    """Train and dev speakers in the full archive; the test archive has the others."""
    words, noises = _clips("word"), _clips("noise")
    takes = (
        speech_commands.Take(clip["word"], _hashed(clip["speaker"], clip["split"]), _take(clip), _samples(clip))
        for clip in words
        if clip["split"] != "test"
    )
    noise = {Path(clip["path"]).stem: _samples(clip) for clip in noises if clip["split"] == "train"}
    speech_commands.lay_out(root / "train", takes, noise, lists=False)
    tested = [
        (
            clip["word"] if clip["word"] in speech_commands.KEYWORDS else "_unknown_",
            f"{clip['word']}_{_hashed(clip['speaker'], 'test')}_nohash_{_take(clip)}",
            _samples(clip),
        )
        for clip in words
        if clip["split"] == "test"
    ]
    for clip in noises:
        if clip["split"] != "train":
            samples = _samples(clip)
            starts = np.linspace(0, len(samples) - SAMPLE_RATE, _SILENCES_A_NOISE).astype(int)
            tested += [
                ("_silence_", f"{Path(clip['path']).stem}_{number}", samples[start : start + SAMPLE_RATE])
                for number, start in enumerate(starts)
            ]
    speech_commands.lay_out_test(root / "test", tested)
    return prepare("ks", root / "train", test_root=root / "test")


def _hashed(speaker: str, split: str) -> str:
    """A name of this speaker that Speech Commands' hash puts in this split."""
    names = (f"{speaker}{number}" for number in itertools.count())
    return next(name for name in names if speech_commands.hash_split(name) == split)


def _as_voxceleb1(root: Path) -> Prepared:
    """A word is a video: those of dev and test are not in train. The last speaker's files lie in `test/`."""
    words = _clips("word")
    speakers = sorted({clip["speaker"] for clip in words})
    clips = (
        voxceleb1.Clip(
            speakers.index(clip["speaker"]), clip["word"], _take(clip) + 1, clip["speaker_split"], _samples(clip)
        )
        for clip in words
    )
    return prepare("sid", voxceleb1.lay_out(root / "VoxCeleb1", clips, test_speakers=[len(speakers) - 1]))


def _as_iemocap(root: Path) -> Prepared:
    """A speaker's phrases are a dialog; a session's label file has them in the manifest's order.

    s3prl takes what stands before a name's first underscore for its speaker.
    """
    turns = (
        iemocap.Turn(
            session=clip["session"],
            dialog=clip["speaker"].replace("_", "-"),
            name=f"{clip['speaker'].replace('_', '-')}_{Path(clip['path']).stem}",
            emotion=_EMOTIONS[clip["style"]],
            samples=_samples(clip),
            listed_in=clip["session"],
        )
        for clip in _clips("phrase")
    )
    return prepare("er", iemocap.lay_out(root, turns))


def _as_librispeech(root: Path) -> Prepared:
    """A speaker's sentences are a chapter."""
    sentences = _clips("sentence")
    speakers = sorted({clip["speaker"] for clip in sentences})
    readings = (
        librispeech.Reading(
            subset=_SUBSETS[clip["split"]],
            speaker=1001 + speakers.index(clip["speaker"]),
            chapter=1,
            number=int(Path(clip["path"]).stem.split("_")[1]),
            transcript=clip["transcript"].upper(),
            samples=_samples(clip),
        )
        for clip in sentences
    )
    return prepare("asr", librispeech.lay_out(root / "LibriSpeech", readings))


def _samples(clip: dict[str, str]) -> np.ndarray:
    return read_clip(clip["path"])


def _take(clip: dict[str, str]) -> int:
    return int(Path(clip["path"]).stem[-1])


_LAYOUTS: dict[str, Callable[[Path], Prepared]] = {
    "ks": _as_speech_commands,
    "sid": _as_voxceleb1,
    "er": _as_iemocap,
    "asr": _as_librispeech,
}
