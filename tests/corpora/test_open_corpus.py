"""Other places that `open_corpus` is given: a CSV of an audio folder, and what is no corpus."""

from __future__ import annotations

import pytest

from s3prl_convexprune.corpora import open_corpus
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import CorpusError


def test_a_csv_with_the_column_of_an_audio_folder(audio):
    path = audio[0].parent.parent / "metadata.csv"
    path.write_text(f"file_name,word\n{audio[0].parent.name}/u0.wav,yes\n")
    assert open_corpus(str(path), "word") == [Utterance(audio[0], {"word": "yes"})]


def test_another_folder_says_what_is_read(tmp_path):
    with pytest.raises(CorpusError, match="expected a .csv, a Kaldi folder"):
        open_corpus(str(tmp_path), "word")
