"""Numbers that no option takes: not in ASCII digits, not finite, out of range."""

from __future__ import annotations

from .row import ANALYZE, Row

SELECT = "select @analysis.json --name mine -o out.yaml"
RUN = "run -u tiny_hubert -t ks --device cpu -o out"
FINETUNE = "finetune -u tiny_hubert -t ks --data-folder @ks/train --device cpu -o out"
PROFILE = "profile -u tiny_hubert --seconds 0.1 --batch 1 --repeats 1 -o out.json"
PREDICT = "predict @exported_onnx @audio/w0_0.wav"
DEMO = "demo -o out"
STUDY = "study demo -o out"

WHOLE = ("0", "-1", "1.5", "nan", "²", "3" * 30)
RATES = ("nan", "inf", "0", "-1e-3", "1e999", "1,5")
SEEDS = ("-1", "4294967296", "1.0", "٣", "one")

OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "--per-class": (ANALYZE, WHOLE),
    "--classes": (ANALYZE, (*WHOLE[:4], "1")),
    "--neighbors": (ANALYZE, WHOLE),
    "--seed": (ANALYZE, SEEDS),
    "--max-sources": (ANALYZE, ("autos", "AUTO", "0", "2", "1.5", "nan")),
    "--max-macs": (f"{SELECT} --policy budget", ("2", "0", "-0.5", "nan", "inf", "60%")),
    "--max-params": (f"{SELECT} --policy budget", ("2", "0", "nan", "50e6")),
    "--max-mb": (f"{SELECT} --policy budget", ("0", "-1", "nan", "inf", "40MB")),
    "--max-latency-ms": (f"{SELECT} --policy budget --times t.json", ("0", "-5", "nan", "inf")),
    "--max-rtf": (f"{SELECT} --policy budget --times t.json", ("0", "-0.1", "nan", "inf")),
    "--lr": (RUN, RATES),
    "--seeds": (RUN, SEEDS),
    "--jobs": (RUN, WHOLE[:3]),
    "--together": (RUN, WHOLE[:3]),
    "--shard": (RUN, ("²/³", "0/1", "2/1", "1/0", "-1/2", "half", "1/2/3")),
    "--seconds": (PROFILE, ("0.001", "0", "-1", "nan", "inf", "1e9")),
    "--batch": (PROFILE, WHOLE[:4]),
    "--repeats": (PROFILE, WHOLE[:4]),
}
OTHERS = [
    ("profile -u tiny_hubert --by-depth -o out.json", "--threads", WHOLE[:4]),
    ("profile --exported @exported_hf -o out.json", "--repeats", WHOLE[:4]),
    (PREDICT, "--chunk", ("0", "-1", "nan", "inf", "1s")),
    (f"{PREDICT} --chunk 1", "--hop", ("0", "-1", "nan", "inf")),
    (FINETUNE, "--seeds", SEEDS[:2]),
    (FINETUNE, "--target", ("nan", "-1")),
    (FINETUNE, "--jobs", WHOLE[:2]),
    (FINETUNE, "--shard", ("²/³", "2/1")),
    (DEMO, "--jobs", WHOLE[:2]),
    (ANALYZE, "--jobs", WHOLE[:2]),
    (STUDY, "--jobs", WHOLE[:2]),
    (STUDY, "--shard", ("²/³", "2/1")),
]

ROWS = [
    Row(f"{command.split()[0]}: {option} {value[:12]}", f"{command} {option} {value}", (option, "expected"))
    for option, (command, values) in OPTIONS.items()
    for value in values
] + [
    Row(f"{command.partition(' -o')[0]}: {option} {value}", f"{command} {option} {value}", (option, "expected"))
    for command, option, values in OTHERS
    for value in values
]
