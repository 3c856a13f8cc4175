"""Manifests of VoxCeleb1 for speaker identification.

Download: https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html ; `iden_split.txt` is beside the audio there.
"""

from pathlib import Path

from s3prl_convexprune.analysis.corpora import voxceleb1
from s3prl_convexprune.errors import CorpusError
from s3prl_convexprune.speechbrain import manifests


def prepare_voxceleb(data_folder, save_folder, skip_prep=False):
    """Write train.csv, valid.csv and test.csv by VoxCeleb's own identification split, which holds out videos.

    Arguments
    ---------
    data_folder : str
        The folder with dev/wav/SPEAKER/VIDEO/UTTERANCE.wav, test/wav/... and iden_split.txt.
    save_folder : str
        Where the manifests go.
    skip_prep : bool
        Take the manifests that lie in save_folder as they are.
    """
    settings = {"corpus": "voxceleb1", "root": str(data_folder)}
    if skip_prep or manifests.prepared(save_folder, settings):
        return
    root = Path(data_folder)
    if not root.is_dir():
        raise CorpusError(f"data_folder {root} is not a folder")
    if voxceleb1.find_iden_split(root) is None:
        raise CorpusError(f"{root} lacks iden_split.txt, VoxCeleb's own identification split; download it from its site")
    rows = voxceleb1.read(root, "speaker")
    splits = {"train": "train", "valid": "dev", "test": "test"}
    chosen = {name: [row for row in rows if row.split == split] for name, split in splits.items()}
    manifests.prepare(save_folder, data_folder, chosen, "speaker", settings)
