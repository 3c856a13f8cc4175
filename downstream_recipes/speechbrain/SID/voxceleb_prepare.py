"""Manifests of VoxCeleb1 for speaker identification.

Download: https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html ; `iden_split.txt` is beside the audio there.
"""

from dataclasses import replace
from pathlib import Path

from s3prl_convexprune.corpora import voxceleb1
from s3prl_convexprune.errors import CorpusError
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
    if skip_prep or manifests.prepared(save_folder, settings):
        return
    root = Path(data_folder)
    if not root.is_dir():
        raise CorpusError(f"data_folder {root} is not a folder")
    listed = Path(iden_split) if iden_split else voxceleb1.find_iden_split(root)
    if listed is None or not listed.is_file():
        raise CorpusError(
            f"{listed or root / 'iden_split.txt'} is missing: VoxCeleb's own split, beside the audio on its site"
        )
    split_of = voxceleb1.read_iden_split(listed)
    rows = [replace(row, split=split_of.get("/".join(row.path.parts[-3:]))) for row in voxceleb1.read(root, "speaker")]
    splits = {"train": "train", "valid": "dev", "test": "test"}
    chosen = {name: [row for row in rows if row.split == split] for name, split in splits.items()}
    manifests.prepare(save_folder, data_folder, chosen, "speaker", settings)
