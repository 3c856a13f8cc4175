"""Bad input to `analyze`: the command line, the corpus, the audio, the place of the output."""

from __future__ import annotations

from .row import ANALYZE, Row

SEVERAL = f"{ANALYZE} -o out --label word speaker"
SPEAKER = "tiny_hubert-speaker.json"

ROWS = [
    Row("analyze: no such launcher", f"{ANALYZE} --launcher pbs", "slurm"),
    Row(
        "analyze: an option of a launcher without a value",
        f"{ANALYZE} --launcher debug --launcher-option x",
        "KEY=VALUE",
    ),
    Row("analyze: a window of context alone", f"{ANALYZE} --window 8", "at least 11 s"),
    Row("analyze: across what nobody has", f"{ANALYZE} --across spaeker", "speaker"),
    Row("analyze: across the labels themselves", f"{ANALYZE} --across word", "of one group"),
    Row("analyze: more neighbours than others have", f"{ANALYZE} --across speaker --neighbors 7", "K can be no more"),
    Row("analyze: no such context", f"{ANALYZE} --context sentence", "segment"),
    Row("analyze: no number of workers", f"{ANALYZE} --workers -1", "--workers"),
    Row("analyze: a precision that autocast does not have", f"{ANALYZE} --precision fp8", "bf16"),
    Row("analyze: approximate with a value", f"{ANALYZE} --approximate=0.9", "--approximate"),
    Row(
        "analyze: approximate, with more neighbours than points",
        f"{ANALYZE} --approximate --neighbors 999",
        "K must be",
    ),
    Row("analyze: approximate across groups", f"{ANALYZE} --approximate --across speaker", "--across"),
    Row("analyze: several into a file", f"{SEVERAL} -o out.json", "go into a folder"),
    Row("analyze: several into a file that is there", SEVERAL, "go into a folder", {"out": "mine"}),
    Row("analyze: several, one of them is yours", SEVERAL, "tiny_hubert-speaker.json", {f"out/{SPEAKER}": "mine"}),
    Row("analyze: several, a curve is yours", SEVERAL, "tiny_hubert-speaker.png", {f"out/{SPEAKER[:-5]}.png": "mine"}),
    Row("analyze: several, a label that is no name of a file", f"{SEVERAL} --label word a/b", "file's name"),
    Row("analyze: several, no such label among them", f"{SEVERAL} --label word spaeker", "speaker"),
    Row("analyze: several, no such upstream among them", f"{SEVERAL} -u tiny_hubert hubret", "hubert"),
    Row("analyze: several by a launcher", f"{SEVERAL} --launcher debug", "--launcher is for one analysis"),
    Row(
        "analyze: several with a launcher's option",
        f"{SEVERAL} --launcher-option x=1",
        "--launcher-option is for one analysis",
    ),
    Row(
        "analyze: several against one exact analysis",
        f"{SEVERAL} --protocol paper --exact @analysis.json",
        "--exact is for one analysis",
    ),
    Row(
        "analyze: several upstreams with the weights of one run",
        f"{SEVERAL} -u tiny_hubert tiny_hubert_convexpruned_L2 --weights run",
        "one upstream",
    ),
    Row("analyze: no such upstream", f"{ANALYZE} -u hubret", "hubert"),
    Row("analyze: a depth beyond the upstream's", f"{ANALYZE} -u tiny_hubert_convexpruned_L13", "12"),
    Row("analyze: no such label", f"{ANALYZE} --label wrod", "word"),
    Row("analyze: no such split", f"{ANALYZE} --split test", "train"),
    Row("analyze: no such device", f"{ANALYZE} --device gpu", "cuda"),
    Row("analyze: one utterance a class", f"{ANALYZE} --per-class 1", "at least 2"),
    Row("analyze: a corpus that is not there", f"{ANALYZE} --corpus nowhere.csv", "nowhere.csv"),
    Row("analyze: no such corpus", f"{ANALYZE} --corpus libri", "librispeech"),
    Row("analyze: a checkpoint that is not there", f"{ANALYZE} -u hubert_custom -k nowhere.pt", "nowhere.pt"),
    Row("analyze: an upstream without its checkpoint", f"{ANALYZE} -u hubert_custom", "-k"),
    Row("analyze: an empty manifest", f"{ANALYZE} --corpus m.csv", "m.csv", {"m.csv": ""}),
]
