"""Manifests of LibriSpeech.

Download: https://www.openslr.org/12
"""

from s3prl_convexprune.corpora import librispeech
from s3prl_convexprune.speechbrain import manifests


def prepare_librispeech(
    data_folder,
    save_folder,
    train_splits=("train-clean-100",),
    dev_split="dev-clean",
    test_split="test-clean",
    skip_prep=False,
):
    """Write train.csv, valid.csv and test.csv.

    Arguments
    ---------
    data_folder : str
        The folder with the subsets: SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac and *.trans.txt.
    save_folder : str
        Where the manifests go.
    train_splits : list
        Subsets to train on.
    dev_split, test_split : str
        Subsets that choose the checkpoint and that are reported.
    skip_prep : bool
        Take the manifests that lie in save_folder as they are.
    """
    subsets = {"train": list(train_splits), "valid": [dev_split], "test": [test_split]}
    settings = {"corpus": "librispeech", "root": str(data_folder), "subsets": subsets}
    named = {"train": subsets["train"], "dev": subsets["valid"], "test": subsets["test"]}
    manifests.prepare_once(
        save_folder,
        data_folder,
        lambda root: librispeech.subset_splits(root, named),
        "transcript",
        settings,
        units=list,
        skip_prep=skip_prep,
    )
