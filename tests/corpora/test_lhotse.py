"""lhotse's manifests, as lhotse writes them, become utterances."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import lhotse
import pytest

from s3prl_convexprune.corpora import open_corpus
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import CorpusError
from tests.corpora.kept import SPEAKERS, WORDS, content

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def manifests(audio, tmp_path_factory) -> Path:
    """lhotse's own manifests of the four files: recordings and supervisions in `pair/`, cuts in `cuts.jsonl.gz`."""
    folder = tmp_path_factory.mktemp("lhotse")
    recordings = lhotse.RecordingSet.from_recordings(lhotse.Recording.from_file(path) for path in audio)
    supervisions = lhotse.SupervisionSet.from_segments(
        lhotse.SupervisionSegment(
            f"s{number}", f"u{number}", 0.25 * number, 0.25, speaker=speaker, text=word, custom={"mood": "calm", "n": 3}
        )
        for number, (word, speaker) in enumerate(zip(WORDS, SPEAKERS, strict=True))
    )
    (folder / "pair").mkdir()
    recordings.to_file(folder / "pair" / "mine_recordings_train.jsonl.gz")
    supervisions.to_file(folder / "pair" / "mine_supervisions_train.jsonl.gz")
    cuts = lhotse.CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
    cuts.to_file(folder / "cuts.jsonl.gz")
    cuts.truncate(max_duration=0.9, offset_type="end").to_file(folder / "ends.jsonl")
    return folder


@pytest.mark.parametrize("name", ["pair", "cuts.jsonl.gz"])
def test_lhotse_manifests(name, manifests, audio):
    rows = open_corpus(str(manifests / name), "speaker")
    split = "train" if name == "pair" else None
    assert rows == [
        Utterance(
            audio[number],
            {"speaker": speaker, "text": word, "mood": "calm"},
            0.25 * number,
            0.25 * number + 0.25,
            speaker,
            split,
        )
        for number, (word, speaker) in enumerate(zip(WORDS, SPEAKERS, strict=True))
    ]


def test_lhotse_cuts_count_from_their_recording(manifests, audio):
    rows = [row for row in open_corpus(str(manifests / "ends.jsonl"), "text") if row.path != audio[0]]
    assert [(row.path, row.start, row.end) for row in rows] == [
        (audio[number], 0.25 * number, 0.25 * number + 0.25) for number in (1, 2, 3)
    ]


def test_bad_lhotse_manifests(manifests, audio, tmp_path):
    folder = Path(shutil.copytree(manifests / "pair", tmp_path / "pair"))
    recordings, supervisions = sorted(folder.iterdir())

    def rewrite(path: Path, change) -> None:
        with gzip.open(manifests / "pair" / path.name, "rt") as file:
            items = [json.loads(line) for line in file]
        with gzip.open(path, "wt") as file:
            file.writelines(json.dumps(item) + "\n" for item in change(items))

    def check(said: str, **options) -> None:
        with pytest.raises(CorpusError, match=said) as refused:
            open_corpus(str(folder), "speaker", **options)
        assert "another type" not in str(refused.value)  # that is said of what Python finds, not of these

    rewrite(supervisions, lambda items: [*items, items[0]])
    check("has 's0' twice")
    rewrite(supervisions, lambda items: [{**items[0], "recording_id": "gone"}])
    check("s0: its recording 'gone' is not in")
    rewrite(supervisions, lambda items: [{**items[0], "duration": 9.0}])
    check("s0: lies from 0 to 9 s of a recording of 1 s")
    rewrite(supervisions, lambda items: items)
    mark = tmp_path / "ran"
    pipe = [{"type": "command", "channels": [0], "source": f"touch {mark}; cat {audio[0]}"}]
    rewrite(recordings, lambda items: [{**item, "sources": pipe} for item in items])
    check("u0: .*--allow-pipes")
    assert not mark.exists()
    assert set(content(open_corpus(str(folder), "speaker", allow_pipes=True))) == {audio[0].read_bytes()}
    url = [{"type": "url", "channels": [0], "source": "https://example.com/a.wav"}]
    rewrite(recordings, lambda items: [{**item, "sources": url} for item in items])
    check("u0: its source is of type 'url'")
    recordings.write_bytes(b"not gzip")
    check("cannot be read as lhotse's recordings")
    supervisions.unlink()
    shutil.copy(manifests / "pair" / recordings.name, recordings)
    check("mine_supervisions_train.jsonl.gz is missing")
