"""Manifests of IEMOCAP with four emotions: neutral, happy (excited counted as happy), angry, sad.

The corpus: https://sail.usc.edu/iemocap/ (by request).
"""

from s3prl_convexprune.corpora import iemocap
from s3prl_convexprune.errors import ConfigError, nearest
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
    manifests.prepare_once(
        save_folder,
        data_folder,
        lambda root: (
            iemocap.session_splits(root, test_session, split_seed)
            if split == "session"
            else iemocap.random_splits(root, split_seed)
        ),
        "emotion",
        settings,
        skip_prep=skip_prep,
    )
