"""Manifests of IEMOCAP with four emotions: neutral, happy (excited counted as happy), angry, sad.

The corpus: https://sail.usc.edu/iemocap/ (by request).
"""

import random
from pathlib import Path

from s3prl_convexprune.corpora import iemocap
from s3prl_convexprune.errors import ConfigError, CorpusError, nearest
from s3prl_convexprune.speechbrain import manifests

SPLITS = ("session", "random")


def prepare_iemocap(data_folder, save_folder, split="session", test_session=1, split_seed=0, skip_prep=False):
    """Write train.csv, valid.csv and test.csv.

    Arguments
    ---------
    data_folder : str
        The folder with Session1 ... Session5.
    save_folder : str
        Where the manifests go.
    split : str
        "session": one session is the test set, so its two speakers are never trained on; a fifth of the other
        sessions' utterances is for validation (SUPERB's folds). "random": utterances drawn 80/10/10 whoever
        speaks, the default of SpeechBrain's own recipe; its accuracies are higher and say less.
    test_session : int
        1 to 5, for split "session".
    split_seed : int
        Seed of the draws; it is not the training seed, so that every run sees the same split.
    skip_prep : bool
        Take the manifests that lie in save_folder as they are.
    """
    if split not in SPLITS:
        raise ConfigError(f"split {split!r} is not known{nearest(str(split), SPLITS)}")
    settings = {"corpus": "iemocap", "root": str(data_folder), "split": split, "split_seed": split_seed}
    settings |= {"test_session": test_session} if split == "session" else {}
    if skip_prep or manifests.prepared(save_folder, settings):
        return
    root = Path(data_folder)
    if not root.is_dir():
        raise CorpusError(f"data_folder {root} is not a folder")
    rows = [row for row in iemocap.read(root, "emotion") if "emotion" in row.labels]
    chosen = by_session(rows, test_session, split_seed) if split == "session" else at_random(rows, split_seed)
    manifests.prepare(save_folder, data_folder, chosen, "emotion", settings)


def by_session(rows, test_session, seed):
    """Leave one session out for the test; a fifth of the rest for validation."""
    sessions = sorted({row.labels["session"] for row in rows})
    name = f"Session{test_session}"
    if name not in sessions:
        raise ConfigError(f"test_session {test_session}: the corpus has {', '.join(sessions)}")
    rest = shuffled([row for row in rows if row.labels["session"] != name], seed)
    fifth = len(rest) // 5
    test = [row for row in rows if row.labels["session"] == name]
    return {"train": rest[fifth:], "valid": rest[:fifth], "test": test}


def at_random(rows, seed):
    """80 % train, 10 % validation, 10 % test."""
    mixed, tenth = shuffled(rows, seed), len(rows) // 10
    return {"valid": mixed[:tenth], "test": mixed[tenth : 2 * tenth], "train": mixed[2 * tenth :]}


def shuffled(rows, seed):
    """The rows in a random order that depends on their paths and the seed alone."""
    ordered = sorted(rows, key=lambda row: str(row.path))
    random.Random(seed).shuffle(ordered)
    return ordered
