"""Manifests of Google Speech Commands.

Download: http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz (35 words), `..._v0.01.tar.gz` (30 words)
and, for the 12-class task, the official `speech_commands_test_set_v0.01.tar.gz`.
"""

from pathlib import Path

from s3prl_convexprune.corpora import speech_commands
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import ConfigError, CorpusError, nearest
from s3prl_convexprune.speechbrain import manifests

LABELS = ("word", "keyword")


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
    if label not in LABELS:
        raise ConfigError(f"label {label!r} is not known{nearest(str(label), LABELS)}")
    settings = {
        "corpus": "speech_commands",
        "label": label,
        "root": str(data_folder),
        "test_root": str(test_data_folder),
    }
    if skip_prep or manifests.prepared(save_folder, settings):
        return
    root = Path(data_folder)
    if not root.is_dir():
        raise CorpusError(f"data_folder {root} is not a folder")
    rows = [row for row in speech_commands.read(root, label) if label in row.labels]
    splits = {"train": "train", "valid": "dev", "test": "test"}
    chosen = {name: [row for row in rows if row.split == split] for name, split in splits.items()}
    if test_data_folder is not None:
        chosen["test"] = read_test_archive(Path(test_data_folder))
    manifests.prepare(save_folder, data_folder, chosen, label, settings)


def read_test_archive(root):
    """The official test set of the 12-class task: every wav file, labelled by its folder."""
    rows = [Utterance(path, {"keyword": path.parent.name}, split="test") for path in sorted(root.glob("*/*.wav"))]
    if not rows or not (root / "_silence_").is_dir():
        raise CorpusError(f"{root} is not the Speech Commands test archive (one folder a class, _silence_ among them)")
    return rows
