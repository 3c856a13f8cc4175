"""Manifests of VoxCeleb1 for speaker identification.

Download: https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html ; `iden_split.txt` is beside the audio there.
"""

from s3prl_convexprune.corpora import voxceleb1
from s3prl_convexprune.speechbrain import manifests


def prepare_voxceleb(data_folder, save_folder, iden_split=None, skip_prep=False):
    """Write train.csv, valid.csv and test.csv by VoxCeleb's own identification split, which holds out videos.

    Arguments
    ---------
    data_folder : str
        The folder with dev/wav/SPEAKER/VIDEO/UTTERANCE.wav and test/wav/...
    save_folder : str
        Where the manifests go.
    iden_split : str
        The list; data_folder/iden_split.txt when None.
    skip_prep : bool
        Take the manifests that lie in save_folder as they are.
    """
    settings = {"corpus": "voxceleb1", "root": str(data_folder), "iden_split": iden_split}
    manifests.prepare_once(
        save_folder,
        data_folder,
        lambda root: voxceleb1.identification_splits(root, iden_split),
        "speaker",
        settings,
        skip_prep=skip_prep,
    )
