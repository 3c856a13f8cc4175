"""Manifests of Google Speech Commands.

Download: http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz (35 words), `..._v0.01.tar.gz` (30 words)
and, for the 12-class task, the official `speech_commands_test_set_v0.01.tar.gz`.
"""

from pathlib import Path

from s3prl_convexprune.corpora import speech_commands
from s3prl_convexprune.speechbrain import manifests


def prepare_speech_commands(data_folder, save_folder, label="word", test_data_folder=None, skip_prep=False):
    """Write train.csv, valid.csv and test.csv.

    The splits are the corpus's own lists, or its rule on the speaker's hash where the lists are absent: no
    speaker is in two of them. For the 12 classes the test set is the official archive when given; without it,
    the listed test files and no silence.

    Arguments
    ---------
    data_folder : str
        The full archive: WORD/SPEAKER_nohash_TAKE.wav and _background_noise_/.
    save_folder : str
        Where the manifests go.
    label : str
        "word" for every word, "keyword" for ten words, _unknown_ and _silence_.
    test_data_folder : str
        The official test archive of the 12-class task, one folder a class.
    skip_prep : bool
        Take the manifests that lie in save_folder as they are.
    """
    settings = {
        "corpus": "speech_commands",
        "label": label,
        "root": str(data_folder),
        "test_root": str(test_data_folder),
    }
    test_root = None if test_data_folder is None else Path(test_data_folder)
    manifests.prepare_once(
        save_folder,
        data_folder,
        lambda root: speech_commands.word_splits(root, label, test_root),
        label,
        settings,
        skip_prep=skip_prep,
    )
