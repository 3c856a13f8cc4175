"""Speakers of Speech Commands as a task of speaker identification: the same speakers in every split."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from ...errors import ConfigError, CorpusError
from ..manifest import Utterance
from .archive import read


def speaker_splits(root: Path, speakers: int, clips: Mapping[str, int], seed: int) -> dict[str, list[Utterance]]:
    """The same speakers in train, dev and test, other words of each.

    The corpus's own lists hold speakers out, so they are of no use here. A speaker's words are shuffled; takes of the
    first words fill the test, of the next ones dev, of the rest train. So one word's takes by one speaker, which
    were recorded one after the other, are never in two splits.

    Args:
        root: as `read` takes it.
        speakers: how many, drawn from those that have enough clips.
        clips: split -> how many of each speaker.
        seed: of the draws.

    Raises:
        ConfigError: fewer than two speakers or one clip.
        CorpusError: the corpus has not so many.
    """
    if min(clips.values()) < 1 or speakers < 2:
        raise ConfigError(f"at least 2 speakers and 1 clip a split are needed, not {speakers} speakers and {clips}")
    of_speaker = defaultdict(list)
    for row in read(root, "speaker"):
        of_speaker[row.labels["speaker"]].append(row)
    shared_out = {speaker: _share_out(rows, clips, seed) for speaker, rows in sorted(of_speaker.items())}
    enough = [speaker for speaker, splits in shared_out.items() if splits]
    if len(enough) < speakers:
        raise CorpusError(
            f"{root} has {len(enough)} speakers with {' + '.join(map(str, clips.values()))} clips of different words; "
            f"{speakers} are asked for: give fewer speakers or clips"
        )
    chosen = sorted(random.Random(seed).sample(enough, speakers))
    return {split: [row for speaker in chosen for row in shared_out[speaker][split]] for split in clips}


def _share_out(rows: list[Utterance], clips: Mapping[str, int], seed: int) -> dict[str, list[Utterance]]:
    """One speaker's clips by split, whole words at a time; empty when there are not enough.

    The draw depends on the speaker and the seed, not on who else is in the corpus.
    """
    takes = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.path):
        takes[row.labels["word"]].append(row)
    words = sorted(takes)
    random.Random(f"{seed}/{rows[0].speaker}").shuffle(words)
    splits: dict[str, list[Utterance]] = {}
    for split in ("test", "dev", "train"):
        found: list[Utterance] = []
        while words and len(found) < clips[split]:
            found += takes[words.pop()]
        if len(found) < clips[split]:
            return {}
        splits[split] = found[: clips[split]]
    return splits
