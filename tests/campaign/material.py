"""The files that the campaign's rows share, made once; no command may change one.

| name | what it is |
|-|-|
| `manifest.csv` | 12 utterances of 0.3 s: columns path, word (3), speaker (2), split; audio in `audio/` |
| `audio/w0_0.wav` ... `audio/w2_3.wav` | that audio |
| `hubert.pt` | a checkpoint for `hubert_custom`, 4 layers |
| `hf_hubert/` | a folder for `hf_hubert_custom`, 4 layers |
| `exported_hf/` | `hubert.pt` cut at 2, as `export --format hf` writes it |
| `exported_onnx/` | what says that it is an exported graph, and lacks the graph |
| `analysis.json` | what `analyze` wrote for tiny_hubert on the manifest's words, its points beside it |
| `grid/`, `results.json` | a finished grid (upstreams tiny, tiny_convexpruned_L8 and others, KS and SID) and its rows |
| `profile.json` | what `profile` wrote for tiny_hubert |
| `commands/` | a tiny Speech Commands as it is published, for `finetune` |
| `ks/`, `sid/`, `er/`, `asr/` | tiny corpora in the layouts of s3prl's recipes |
"""

from __future__ import annotations

import csv
from pathlib import Path

from s3prl_convexprune.corpora.layout import write_audio
from s3prl_convexprune.deploy.exported import Difference, Exported
from tests import recipe_corpora, tiny_corpora

WORDS, TAKES = 3, 4


def make(folder: Path) -> None:
    """Make all of it in a folder that is not there yet."""
    folder.mkdir()
    _corpus(folder)
    tiny_corpora.speech_commands(folder / "commands", train=4, dev=2, test=2, lists=True)
    for task in recipe_corpora.BUILDERS:
        recipe_corpora.build(task, folder / task)
    _checkpoints(folder)
    _artifacts(folder)


def _corpus(folder: Path) -> None:
    rows = []
    for word in range(WORDS):
        for take in range(TAKES):
            name = f"audio/w{word}_{take}.wav"
            write_audio(folder / name, tiny_corpora.tone(200 * (word + 1) + 7 * take, 0.3, 10 * word + take, hiss=0.05))
            rows.append([name, f"w{word}", f"s{take % 2}", "train"])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "word", "speaker", "split"], *rows])


def _checkpoints(folder: Path) -> None:
    from tests.checkpoints import CASES

    made = folder / "made"
    CASES["hubert-post"].build(made / "native").rename(folder / "hubert.pt")
    CASES["hf_hubert-post"].build(made / "hf").rename(folder / "hf_hubert")


def _artifacts(folder: Path) -> None:
    from s3prl_convexprune.cli.main import main
    from s3prl_convexprune.results.reading import collect, write_results
    from tests.results.finished_cells import small_grid

    small_grid(folder / "grid", seeds=(1, 2))
    write_results(folder / "results.json", collect([folder / "grid"]))
    analyze = ["analyze", "-u", "tiny_hubert", "--corpus", str(folder / "manifest.csv"), "--label", "word"]
    assert main([*analyze, "--neighbors", "3", "--keep-points", "-o", str(folder / "analysis.json")]) == 0
    cut = ["export", "hubert_custom_convexpruned_L2", "-k", str(folder / "hubert.pt"), "--format", "hf"]
    assert main([*cut, "-o", str(folder / "exported_hf")]) == 0
    _graphless().write(folder / "exported_onnx" / "export.json")
    profile = ["profile", "-u", "tiny_hubert", "--seconds", "0.1", "--batch", "1", "--repeats", "1"]
    assert main([*profile, "-o", str(folder / "profile.json")]) == 0


def _graphless() -> Exported:
    same = Difference(1.0, (1e-6,), (1e-6,))
    return Exported("tiny_hubert_convexpruned_L2", "tiny_hubert", 2, "last", 20, True, 400, 1e-3, (same,), "0" * 64, {})
