"""A study's analyses on corpora at a path, as `analyze` reads them."""

from __future__ import annotations

from pathlib import Path

import datasets
import lhotse
import pytest
import yaml

from s3prl_convexprune import compat
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.corpora import read_corpus
from s3prl_convexprune.errors import CorpusError
from s3prl_convexprune.experiments.analyses import corpus_of
from s3prl_convexprune.experiments.checks import check_machine, check_names
from s3prl_convexprune.experiments.engine import run_study
from s3prl_convexprune.experiments.planned import steps
from s3prl_convexprune.experiments.study_file import read_study

compat.apply()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Three words of the embedded corpus, in each form; `$KEPT` is the folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KEPT", str(tmp_path))
    rows = [row for row in read_corpus("demo", "word") if row.split == "train" and "word" in row.labels]
    words = sorted({row.labels["word"] for row in rows})[:3]
    spoken = [(row.path, word) for word in words for row in [row for row in rows if row.labels["word"] == word][:5]]
    files = [str(path) for path, _ in spoken]
    (tmp_path / "mine.csv").write_text("path,text\n" + "".join(f"{path},{word}\n" for path, word in spoken))
    (tmp_path / "kaldi").mkdir()
    for name, values in (("wav.scp", files), ("text", [word for _, word in spoken])):
        (tmp_path / "kaldi" / name).write_text("".join(f"u{n:02d} {value}\n" for n, value in enumerate(values)))
    recordings = [lhotse.Recording.from_file(path, recording_id=f"u{n:02d}") for n, path in enumerate(files)]
    lhotse.CutSet.from_manifests(
        recordings=lhotse.RecordingSet.from_recordings(recordings),
        supervisions=lhotse.SupervisionSet.from_segments(
            lhotse.SupervisionSegment(f"s{n:02d}", recording.id, 0.0, recording.duration, text=word)
            for n, (recording, (_, word)) in enumerate(zip(recordings, spoken, strict=True))
        ),
    ).to_file(tmp_path / "cuts.jsonl.gz")
    table = datasets.Dataset.from_dict({"audio": files, "text": [word for _, word in spoken]})
    table.cast_column("audio", datasets.Audio(decode=False)).to_parquet(tmp_path / "set.parquet")
    return {"csv": "$KEPT/mine.csv", "kaldi": "$KEPT/kaldi", "lhotse": "$KEPT/cuts.jsonl.gz", "hf": "$KEPT/set.parquet"}


def study_of(folder: Path, corpora: dict[str, str], label: str = "text") -> Path:
    analyses = {name: {"corpus": path, "label": label, "neighbors": 3} for name, path in corpora.items()}
    content = {"study": "mine", "upstreams": ["tiny_hubert"], "analyses": analyses}
    (folder / "s.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "s.yaml"


def test_every_reader_gives_the_same_utterances_to_a_study(kept: dict[str, str], tmp_path: Path) -> None:
    file = study_of(tmp_path, kept)
    study = read_study(file)
    planned = list(steps(study, str(file), tmp_path / "out"))
    check_names(study)
    check_machine(study)
    found = {}
    for (name, path), step in zip(kept.items(), planned, strict=False):
        assert f'--corpus "{path}"' in step.command
        found[name] = [(row.path.read_bytes(), row.labels["text"]) for row in corpus_of(study, name)]
    assert len(found["csv"]) == 15 and all(rows == found["csv"] for rows in found.values())


def test_an_analysis_of_a_kaldi_folder_is_that_of_its_csv(kept: dict[str, str], tmp_path: Path) -> None:
    two = {name: kept[name] for name in ("csv", "kaldi")}
    run_study(read_study(study_of(tmp_path, two)), tmp_path / "out", only="analyses", device="cpu")
    csv, kaldi = (Analysis.read(tmp_path / "out" / "analyses" / f"tiny_hubert-{name}.json") for name in two)
    assert csv.corpus.classes == kaldi.corpus.classes and csv.corpus.n_points == 15
    assert [row.convexity for row in kaldi.layers] == pytest.approx([row.convexity for row in csv.layers], abs=1e-9)


def test_a_label_that_a_corpus_lacks_is_said_before_any_work(kept: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "kaldi" / "text").rename(tmp_path / "kaldi" / "utt2lang")
    with pytest.raises(CorpusError, match="no utterance has a label 'text'.*lang"):
        run_study(read_study(study_of(tmp_path, kept)), tmp_path / "out", only="analyses", device="cpu")
    assert not (tmp_path / "out").exists()
