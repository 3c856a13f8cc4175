"""The model card's tables, and the voices that pretraining may use."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from transformers import HubertModel

from s3prl_convexprune.demo.corpus import demo_model_path
from tools.demo_corpus.engines import missing_engines
from tools.demo_corpus.voices import VOICES
from tools.pretrain.card import DEMO_TASKS, demo_tasks, markdown, measure
from tools.pretrain.synthetic import speak_for, speakers

needs_espeak = pytest.mark.skipif("espeak" in missing_engines(), reason="espeakng-loader is not installed")


def test_one_row_a_layer_and_one_column_a_task() -> None:
    name = "demo words, voices held out"
    clips, labels, folds = demo_tasks()[name]
    few = slice(0, None, 9)
    model = HubertModel.from_pretrained(demo_model_path()).eval()
    found = measure(model, {name: (clips[few], labels[few], folds[few])})
    assert all(len(values) == 13 and all(0 <= v <= 100 for v in values) for values in found[name].values())
    lines = markdown(found, found, "accuracy").splitlines()
    assert len(lines) == 15
    assert lines[2] == f"| 0 | {found[name]['accuracy'][0]:.1f} ({found[name]['accuracy'][0]:.1f}) |"


def test_the_demo_tasks_hold_out_what_they_say() -> None:
    tasks = demo_tasks()
    assert list(tasks) == list(DEMO_TASKS)
    assert [(len(clips), len(set(labels)), len(set(folds))) for clips, labels, folds in tasks.values()] == [
        (800, 20, 5),
        (800, 20, 3),
        (320, 4, 5),
    ]


@needs_espeak
def test_pretraining_never_uses_a_variant_of_the_demo_corpus() -> None:
    def variants(voices: object) -> set[str]:
        return {voice.voice.partition("+")[2] for voice in voices if voice.engine == "espeak"}  # type: ignore[attr-defined]

    assert len(speakers()) > 100
    assert not variants(speakers()) & variants(VOICES)


@needs_espeak
def test_a_pretraining_speaker_is_the_same_each_time(tmp_path: Path) -> None:
    lines = ["open the door", "seven white horses"]
    seconds = [speak_for((speakers()[0], lines, tmp_path / name)) for name in ("one", "two")]
    assert seconds[0] > 1
    first, second = (soundfile.read(tmp_path / name / "speech.flac")[0] for name in ("one", "two"))
    assert (first == second).all()
