"""KS lists its files in the order of their names, whatever order the file system has them in."""

from __future__ import annotations

import os
import pathlib

import pytest

from s3prl_convexprune import compat

compat.apply()


@pytest.mark.parametrize("reverse", [False, True])
def test_listings_do_not_depend_on_the_disk(tmp_path, monkeypatch, reverse):
    dataset = pytest.importorskip("s3prl.downstream.speech_commands.dataset")
    for word in ("yes", "no", "_silence_"):
        (tmp_path / word).mkdir()
        for name in ("b.wav", "a.wav", "c.wav"):
            (tmp_path / word / name).touch()
    scandir, listdir = os.scandir, os.listdir

    class Entries(list):
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    def entries(path="."):
        with scandir(path) as found:
            return Entries(sorted(found, key=lambda entry: entry.name, reverse=reverse))

    monkeypatch.setattr(os, "scandir", entries)
    monkeypatch.setattr(os, "listdir", lambda path=".": sorted(listdir(path), reverse=reverse))
    assert [path.name for path in pathlib.Path(tmp_path).iterdir()][0] == ("yes" if reverse else "_silence_")
    data = dataset.SpeechCommandsTestingDataset(speech_commands_test_root=str(tmp_path)).data
    assert [(word, path.name) for word, path in data] == [
        (word, name) for word in ("_silence_", "no", "yes") for name in ("a.wav", "b.wav", "c.wav")
    ]
