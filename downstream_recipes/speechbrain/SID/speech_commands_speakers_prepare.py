"""Manifests of Google Speech Commands for speaker identification.

Download: http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz
"""

from s3prl_convexprune.corpora import speech_commands
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
    drawn = {"train": train_clips, "dev": valid_clips, "test": test_clips}
    settings = {
        "corpus": "speech_commands",
        "label": "speaker",
        "root": str(data_folder),
        "speakers": speakers,
        "clips": clips,
        "data_seed": data_seed,
    }
    manifests.prepare_once(
        save_folder,
        data_folder,
        lambda root: speech_commands.speaker_splits(root, speakers, drawn, data_seed),
        "speaker",
        settings,
        skip_prep=skip_prep,
    )
