"""Manifests of LibriSpeech.

Download: https://www.openslr.org/12
"""

from dataclasses import replace
from pathlib import Path

from s3prl_convexprune.corpora import librispeech
from s3prl_convexprune.errors import CorpusError
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
    if skip_prep or manifests.prepared(save_folder, settings):
        return
    root = Path(data_folder)
    chosen = {}
    for split, names in subsets.items():
        for name in names:
            if not (root / name).is_dir():
                raise CorpusError(f"data_folder {root} has no LibriSpeech subset {name}")
        chosen[split] = with_transcripts(librispeech.read(root, "speaker", subsets=names))
    manifests.prepare(save_folder, data_folder, chosen, "transcript", settings, units=list)


def with_transcripts(rows):
    """The utterances with their text from the chapter's SPEAKER-CHAPTER.trans.txt."""
    texts, labelled = {}, []
    for row in rows:
        chapter = row.path.stem.rpartition("-")[0]
        file = row.path.with_name(f"{chapter}.trans.txt")
        if file not in texts:
            if not file.is_file():
                raise CorpusError(f"{file} is missing; it holds the transcripts of {row.path.parent}")
            lines = file.read_text(encoding="utf-8").splitlines()
            texts[file] = dict(line.split(maxsplit=1) for line in lines if " " in line)
        if row.path.stem not in texts[file]:
            raise CorpusError(f"{file} has no transcript of {row.path.stem}")
        labelled.append(replace(row, labels={**row.labels, "transcript": texts[file][row.path.stem]}))
    return labelled
