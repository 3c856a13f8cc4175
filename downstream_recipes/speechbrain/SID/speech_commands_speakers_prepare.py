"""Manifests of Google Speech Commands for speaker identification.

Download: http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz
"""

import random
from collections import defaultdict
from pathlib import Path

from s3prl_convexprune.corpora import speech_commands
from s3prl_convexprune.errors import ConfigError, CorpusError
from s3prl_convexprune.speechbrain import manifests


def prepare_speech_commands_speakers(
    data_folder,
    save_folder,
    speakers=200,
    train_clips=40,
    valid_clips=10,
    test_clips=10,
    data_seed=1986,
    skip_prep=False,
):
    """Write train.csv, valid.csv and test.csv: the same speakers in all three, other words of each.

    The corpus's own lists hold speakers out, so they are of no use here. A speaker's words are shuffled; takes of the
    first words fill the test, of the next ones valid, of the rest train. So one word's takes by one speaker, which
    were recorded one after the other, are never in two splits.

    Arguments
    ---------
    data_folder : str
        The full archive: WORD/SPEAKER_nohash_TAKE.wav.
    save_folder : str
        Where the manifests go.
    speakers : int
        How many, drawn from those that have enough clips.
    train_clips, valid_clips, test_clips : int
        How many of each speaker.
    data_seed : int
        Of the draws.
    skip_prep : bool
        Take the manifests that lie in save_folder as they are.
    """
    clips = {"train": train_clips, "valid": valid_clips, "test": test_clips}
    if min(clips.values()) < 1 or speakers < 2:
        raise ConfigError(f"at least 2 speakers and 1 clip a split are needed, not {speakers} speakers and {clips}")
    settings = {
        "corpus": "speech_commands",
        "label": "speaker",
        "root": str(data_folder),
        "speakers": speakers,
        "clips": clips,
        "data_seed": data_seed,
    }
    if skip_prep or manifests.prepared(save_folder, settings):
        return
    root = Path(data_folder)
    if not root.is_dir():
        raise CorpusError(f"data_folder {root} is not a folder")
    of_speaker = defaultdict(list)
    for row in speech_commands.read(root, "speaker"):
        of_speaker[row.speaker].append(row)
    shared_out = {speaker: share_out(rows, clips, data_seed) for speaker, rows in sorted(of_speaker.items())}
    enough = [speaker for speaker, splits in shared_out.items() if splits is not None]
    if len(enough) < speakers:
        raise CorpusError(
            f"{root} has {len(enough)} speakers with {' + '.join(map(str, clips.values()))} clips of different words; "
            f"{speakers} are asked for: give fewer speakers or clips"
        )
    chosen = sorted(random.Random(data_seed).sample(enough, speakers))
    splits = {split: [row for speaker in chosen for row in shared_out[speaker][split]] for split in manifests.SPLITS}
    manifests.prepare(save_folder, data_folder, splits, "speaker", settings)


def share_out(rows, clips, data_seed):
    """One speaker's clips by split, whole words at a time; None when there are not enough.

    The draw depends on the speaker and the seed, not on who else is in the corpus.
    """
    takes = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.path):
        takes[row.labels["word"]].append(row)
    words = sorted(takes)
    random.Random(f"{data_seed}/{rows[0].speaker}").shuffle(words)
    splits = {}
    for split in ("test", "valid", "train"):
        found = []
        while words and len(found) < clips[split]:
            found += takes[words.pop()]
        if len(found) < clips[split]:
            return None
        splits[split] = found[: clips[split]]
    return splits
