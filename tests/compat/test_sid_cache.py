"""The SID recipe's file lists: one corpus never gets another's, and none is left in site-packages."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from s3prl_convexprune import compat
from s3prl_convexprune.compat import sid_cache
from s3prl_convexprune.errors import CorpusError
from tests import recipe_corpora


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """s3prl's own dataset class, its cache in this test's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compat.apply()
    from s3prl.downstream.voxceleb1.dataset import SpeakerClassifiDataset

    return SpeakerClassifiDataset


def files(dataset, root: Path, mode: str = "train") -> list[str]:
    return dataset(mode, str(root), str(root / "veri_test_class.txt")).dataset


def test_a_second_corpus_gets_its_own_files(dataset, tmp_path):
    for name in ("first", "second"):
        recipe_corpora.sid(tmp_path / name, speakers=2 if name == "first" else 3)
    first, second = (files(dataset, tmp_path / name) for name in ("first", "second"))
    assert all(path.startswith(str(tmp_path / "first")) for path in first)
    assert all(path.startswith(str(tmp_path / "second")) for path in second)
    assert (len(first), len(second)) == (4, 6)
    assert files(dataset, tmp_path / "first") == first


def test_a_changed_list_is_read_anew_and_an_unchanged_one_is_not_searched_again(dataset, tmp_path):
    recipe_corpora.sid(tmp_path / "corpus", speakers=2)
    path = tmp_path / "corpus" / "veri_test_class.txt"
    before = files(dataset, tmp_path / "corpus")
    kept = sid_cache.cache_dir(tmp_path / "corpus", path) / "train.pkl"
    assert pickle.loads(kept.read_bytes()) == before
    kept.write_bytes(pickle.dumps(before[:1]))
    assert files(dataset, tmp_path / "corpus") == before[:1]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert files(dataset, tmp_path / "corpus") == before[1:]


def test_nothing_is_left_in_the_package_or_half_written(dataset, tmp_path):
    import s3prl.downstream.voxceleb1.dataset as module

    recipe_corpora.sid(tmp_path / "corpus")
    files(dataset, tmp_path / "corpus", "dev")
    assert not (Path(module.__file__).parent / ".cache" / "dev.pkl").exists()
    kept = sid_cache.cache_dir(tmp_path / "corpus", tmp_path / "corpus" / "veri_test_class.txt")
    assert [path.name for path in kept.iterdir()] == ["dev.pkl"]


def test_the_first_missing_file_is_named(dataset, tmp_path):
    recipe_corpora.sid(tmp_path / "corpus")
    (tmp_path / "corpus" / "dev" / "wav" / "id10002" / "video1" / "00001.wav").unlink()
    with pytest.raises(CorpusError, match="id10002/video1/00001.wav"):
        files(dataset, tmp_path / "corpus")
    with pytest.raises(CorpusError, match="prepare sid"):
        dataset("train", str(tmp_path / "corpus"), str(tmp_path / "none.txt"))
