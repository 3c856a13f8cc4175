"""Command lines that say too little, too much, or something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .row import ANALYZE, Row

NEEDS = {
    "analyze": "--corpus",
    "select": "analysis",
    "show": "name",
    "plot": "ANALYSIS",
    "run": "-u",
    "leaderboard": "EXPDIR",
    "profile": "-u",
    "finetune": "-u",
    "export": "-o",
    "prepare": "--root",
    "predict": "OUT",
    "screen": "analysis",
}
COMPLETE = {
    "analyze": ANALYZE,
    "select": "select @analysis.json --fallback argmax -o out.yaml",
    "list": "list",
    "plot": "plot @analysis.json -o out.pdf",
    "show": "show tiny_hubert",
    "run": "run -u tiny_hubert -t ks --device cpu -o out",
    "leaderboard": "leaderboard @grid",
    "profile": "profile -u tiny_hubert",
    "finetune": "finetune -u tiny_hubert -t ks --data-folder @ks/train -o out",
    "export": "export tiny_hubert_convexpruned_L2 -o out",
    "screen": "screen @analysis.json -o out.json",
    "prepare": "prepare ks --root @ks/train",
    "demo": "demo -o out",
    "doctor": "doctor",
}
SELECTS = "select @analysis.json --fallback argmax -o out.yaml"
TYPES = {
    "plot": ["--width page", "--format gif", "--style mine", "--template mine", "-o x.gif"],
    "analyze": ["--per-class many", "--protocol ours", "--weights nowhere", "--exact x", "--group nowhere"],
    "screen": ["--group nowhere", "--parts 0", "--heads none", "--lr nan"],
    "select": [
        "--policy best",
        "--max-macs most",
        "--name 1a",
        "--name a-b",
        "--policy budget",
        "--policy non-inferior --margin -1",
        "--policy paper --max-macs 1",
        "--policy budget --max-rtf 0.1 --times nowhere.json",
        "--policy budget --max-rtf 0.1 --times @analysis.json",
        "--policy budget --max-mb 0.001",
    ],
    "run": [
        "-t kws",
        "--override x",
        "--override ks:config.a",
        "--override kws:config.a=1",
        "--override config.optimizer.lr=1",
        "--override args.seed=1",
        "--launcher pbs",
        "--launcher-option x",
        "--precision int8",
        "--device gpu",
    ],
    "leaderboard": [
        "-o board.pdf",
        "-o board",
        "--reference ours",
        "--system x",
        "--system x:ks",
        "--profile nowhere",
        "--beside nowhere -o b.html",
        "--analysis nowhere -o b.html",
        "--profile @analysis.json",
        "--analysis @profile.json -o b.html",
    ],
    "profile": ["--by-depth", "--by-depth -o @analysis.json", "--random-init huge", "--device gpu"],
    "finetune": [
        "-t kws",
        "--folds fold1",
        "--hparams nowhere",
        "--override x",
        "--precision int8",
        "--device gpu",
        "--data-folder nowhere",
        "--variant v9",
        "--launcher mpi",
        "--launcher-option x",
    ],
    "export": [
        "--final-norm both",
        "--format tflite",
        "--format hf --analysis nowhere",
        "--format hf --analysis @profile.json",
        "--format hf --results nowhere",
        "--format hf --push-to-hub nobody",
        "--analysis @analysis.json",
        "--returns states",
        "--head nowhere",
        "--format onnx --head nowhere",
        "--format onnx --returns last --head nowhere",
        "--format onnx --returns all",
        "--int8",
        "--measure @manifest.csv",
        "--format hf --int8",
        "--format onnx --measure @manifest.csv",
        "--format onnx --int8 --measure nowhere",
        "--format onnx --int8 --measure @profile.json",
        "--format onnx --push-to-hub me/cut",
    ],
    "demo": ["--jobs x"],
}
#: Where an option's last word is not what the line names.
NAMED = {
    "--policy paper --max-macs 1": "--max-macs",
    "--override ks:config.a": "config.a",
    "--override kws:config.a=1": "kws",
    "--analysis nowhere -o b.html": "nowhere",
    "--beside nowhere -o b.html": "nowhere",
    "--head nowhere": "goes with --format onnx",
    "--format onnx --returns last --head nowhere": "--returns",
    "--returns states": "goes with --format onnx",
    "--measure @manifest.csv": "goes with --format onnx",
    "--format hf --int8": "--int8 goes with --format onnx",
    "--format onnx --measure @manifest.csv": "--measure says what --int8 loses",
    "--format onnx --int8 --measure @profile.json": "profile.json",
    "--format onnx --push-to-hub me/cut": "--push-to-hub",
    "--analysis @analysis.json": "goes with --format hf",
    "--analysis @profile.json -o b.html": "profile.json",
}


def damaged(path: Path, material: Path) -> None:
    """An exported folder whose weights end too early."""
    shutil.copytree(material / "exported_hf", path)
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def from_a_hub(path: Path, material: Path) -> None:
    """An exported folder whose config names code elsewhere."""
    shutil.copytree(material / "exported_hf", path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "attn_implementation": "some/one"}))


DATA = "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS"
KS = {DATA: "@ks/train", f"{DATA}_TEST": "@ks/test"}
ROWS = [
    Row("predict: no exported folder", "predict @hf_hubert @audio/w0_0.wav", "export.json"),
    Row("predict: no graph", "predict @exported_onnx @audio/w0_0.wav", "model.onnx: is not the graph"),
    *(
        Row(f"predict: {line}", f"predict @exported_onnx {line}", says)
        for line, says in {
            "@audio/w0_0.wav --chunk 0.5 --hop 0.75": "hop 0.75: expected at most the chunk's 0.5 s",
            "@audio/w0_0.wav --hop 0.25": "go with --chunk",
            "-": "go with --chunk",
            "@audio/w0_0.wav - --chunk 1": "--chunk streams one audio file",
            "- --chunk 1": "model.onnx: is not the graph",
        }.items()
    ),
    Row("no such verb", "analyse", "analyze"),
    Row("a verb in capitals", "ANALYZE", "analyze"),
    Row("an option before the verb", "--quiet list", "--quiet"),
    Row("help about nothing", "help analyse", "analyze"),
    *(Row(f"{verb}: nothing given", verb, says) for verb, says in NEEDS.items()),
    *(Row(f"{verb}: an unknown option", f"{command} --fast", "--fast") for verb, command in COMPLETE.items()),
    *(
        Row(f"{verb}: a word too many", f"{command} word", "word")
        for verb, command in COMPLETE.items()
        if verb != "leaderboard"
    ),
    *(
        Row(
            f"{verb}: {options}",
            f"{COMPLETE[verb]} {options}",
            NAMED.get(options, options.split()[-1].lstrip("@").split("=")[0]),
            environ=KS,
        )
        for verb, wrong in TYPES.items()
        for options in wrong
    ),
    Row("select: a limit of another policy", f"{SELECTS} --policy argmax --max-mb 30", "--max-mb"),
    Row("select: latency without times", f"{SELECTS} --policy budget --max-latency-ms 30", "--by-depth"),
    Row("select: times for nothing", f"{SELECTS} --policy budget --max-mb 30 --times t.json", "--max-rtf"),
    *(
        Row(f"profile: exported {wrong}", f"profile --exported {wrong}", says)
        for wrong, says in {
            "nowhere": "is no exported folder; expected",
            "@audio": "is no exported folder; expected",
            "@hf_hubert": "is no exported folder; expected",
            "@hubert.pt": "is no exported folder; expected",
            "@exported_hf @exported_onnx": "model.onnx: is not the graph",
            "@exported_hf --device cuda": "--device cuda",
            "@exported_hf --by-depth": "--by-depth",
            "@exported_hf --batch 2": "--batch",
            "@exported_hf --seconds 1 4": "--seconds",
            "@exported_hf -u hubrt": "hubert",
            "@exported_hf -o @analysis.json": "analysis.json",
        }.items()
    ),
    Row(
        "profile: exported weights are damaged",
        "profile --exported cut",
        "cut is truncated or damaged",
        files={"cut": damaged},
    ),
    Row(
        "profile: an exported folder with attention from a hub",
        "profile --exported cut",
        "it was refused and not fetched",
        files={"cut": from_a_hub},
    ),
    Row("profile: threads", "profile -u tiny_hubert --threads 1", "--by-depth"),
    Row("profile: depths of random weights", "profile -u hubert --by-depth --random-init base -o o.json", "weights"),
    Row("profile: depths in batches", "profile -u tiny_hubert --by-depth --batch 2 -o o.json", "--batch"),
    Row("profile: depths of two lengths", "profile -u tiny_hubert --by-depth --seconds 1 4 -o o.json", "--seconds"),
]
