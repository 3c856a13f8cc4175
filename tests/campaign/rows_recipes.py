"""Corpora and recipes that are not there or not whole: `run_downstream.py`, `prepare`, the corpora of `analyze`."""

from __future__ import annotations

from pathlib import Path

from .row import Row

DATA = "S3PRL_CONVEXPRUNE_DATA_"
KS = {f"{DATA}SPEECH_COMMANDS": "@ks/train", f"{DATA}SPEECH_COMMANDS_TEST": "@ks/test"}
TRAIN = "run_downstream.py -m train -u tiny_hubert -d speech_commands -n exp --device cpu"
MADE = tuple("/".join(["result*"] + ["*"] * depth) for depth in range(4))  # s3prl makes its folder first
RUN = "run -u tiny_hubert -t ks --device cpu -o out"
STEPS = tuple(
    f"runner.{name}"
    for name in ("total_steps", "eval_step", "save_step", "log_step", "gradient_accumulate_steps", "max_keep")
)
DATARC = "downstream_expert: {datarc: {speech_commands_root: null, speech_commands_test_root: null}}"


def _yaml(text: str) -> dict[str, str]:
    return {"c.yaml": text}


def _checkpoint(path: Path, material: Path) -> None:
    path.write_bytes((material / "hubert.pt").read_bytes())


ROWS = [
    Row("run_downstream.py: no such mode", f"{TRAIN} -m teach", "teach", environ=KS, leaves=MADE),
    Row("run_downstream.py: no such downstream", f"{TRAIN} -d speech_comands", "speech_commands", environ=KS),
    Row("run_downstream.py: a recipe that is not there", f"{TRAIN} -c no.yaml", "no.yaml", environ=KS),
    Row("run_downstream.py: a recipe that is a folder", f"{TRAIN} -c d", "-c d", {"d/x": ""}, environ=KS),
    Row("run_downstream.py: an empty recipe", f"{TRAIN} -c c.yaml", "c.yaml", _yaml(""), environ=KS, leaves=MADE),
    Row(
        "run_downstream.py: a recipe that lists", f"{TRAIN} -c c.yaml", "c.yaml", _yaml("- a"), environ=KS, leaves=MADE
    ),
    Row(
        "run_downstream.py: a recipe that is not YAML",
        f"{TRAIN} -c c.yaml",
        "c.yaml",
        _yaml("a: [b"),
        environ=KS,
        leaves=MADE,
    ),
    Row(
        "run_downstream.py: a recipe with code",
        f"{TRAIN} -c c.yaml",
        "c.yaml",
        _yaml("!!python/object/apply:os.system ['touch ran']"),
        environ=KS,
        leaves=MADE,
    ),
    Row("run_downstream.py: no corpus", TRAIN, f"{DATA}SPEECH_COMMANDS", leaves=MADE),
    Row(
        "run_downstream.py: a corpus that is not there",
        TRAIN,
        "nowhere",
        environ={**KS, f"{DATA}SPEECH_COMMANDS": "nowhere"},
        leaves=MADE,
    ),
    Row(
        "run_downstream.py: a corpus that is a file",
        TRAIN,
        "hubert.pt",
        environ={**KS, f"{DATA}SPEECH_COMMANDS": "@hubert.pt"},
        leaves=MADE,
    ),
    Row("run_downstream.py: no such device", f"{TRAIN} --device gpu", "gpu", environ=KS, leaves=MADE),
    Row("run_downstream.py: a GPU that is not there", f"{TRAIN} --device cuda:9", "cuda:9", environ=KS, leaves=MADE),
    Row("run_downstream.py: no checkpoint given", f"{TRAIN} -u hubert_custom", "-k", environ=KS, leaves=MADE),
    Row(
        "run_downstream.py: a checkpoint not there",
        f"{TRAIN} -u hubert_custom -k no.pt",
        "no.pt",
        environ=KS,
        leaves=MADE,
    ),
    Row(
        "run_downstream.py: a checkpoint of text",
        f"{TRAIN} -u hubert_custom -k c.yaml",
        "c.yaml",
        _yaml("x"),
        environ=KS,
        leaves=MADE,
    ),
    Row("run_downstream.py: evaluate what is not there", "run_downstream.py -m evaluate -e no.ckpt", "no.ckpt"),
    Row("run_downstream.py: evaluate an empty folder", "run_downstream.py -m evaluate -e d", "states-", {"d/x": ""}),
    Row(
        "run_downstream.py: evaluate an upstream's checkpoint",
        "run_downstream.py -m evaluate -e x.ckpt",
        "x.ckpt",
        {"x.ckpt": _checkpoint},
    ),
    Row("run_downstream.py: evaluate text", "run_downstream.py -m evaluate -e x.ckpt", "x.ckpt", {"x.ckpt": "text"}),
    Row(
        "run_downstream.py: evaluate an empty file", "run_downstream.py -m evaluate -e x.ckpt", "x.ckpt", {"x.ckpt": ""}
    ),
    Row("run_downstream.py: a layer that is not there", f"{TRAIN} -l 13", "13", environ=KS, leaves=MADE),
    Row(
        "run_downstream.py: a layer of a cut that is not there",
        f"{TRAIN} -u tiny_hubert_convexpruned_L2 -l 5",
        "5",
        environ=KS,
        leaves=MADE,
    ),
    Row(
        "run_downstream.py: an override without a value",
        f"{TRAIN} -o config.runner.total_steps",
        "total_steps",
        environ=KS,
        leaves=MADE,
    ),
    *(
        Row(
            f"run_downstream.py: {key.rpartition('.')[2]} {value or 'of nothing'}",
            f"{TRAIN} -o config.{key}={value}",
            (f"config.{key}", expected),
            environ=KS,
            leaves=MADE,
        )
        for keys, values, expected in [
            (STEPS, ("many", "0", "-1", "2.5", "True"), "1 or more"),
            (("runner.total_steps",), ("None", "[]", "1e400"), "1 or more"),
            (("runner.gradient_clipping",), ("many", "0", "-1", "float(\\'nan\\')"), "above 0"),
            (("optimizer.lr",), ("many", "0", "-1e-4", "float(\\'nan\\')", "5e3"), "a learning rate above 0"),
        ]
        for key in keys
        for value in values
    ),
    *(
        Row(f"run_downstream.py: a recipe {what}", f"{TRAIN} -c c.yaml", says, _yaml(text), environ=KS, leaves=MADE)
        for what, text, says in [
            ("without steps", f"{{{DATARC}, runner: {{}}, optimizer: {{}}}}", "config.runner.total_steps is missing"),
            ("without a runner", f"{{{DATARC}}}", "config.runner"),
            ("whose runner is a number", f"{{{DATARC}, runner: 3}}", "config.runner"),
        ]
    ),
    *(
        Row(f"run: {override}", f"{RUN} --override config.runner.{override}", "config.runner." + key, environ=KS)
        for override in ("total_steps=many", "eval_step=0", "gradient_clipping=-1")
        for key in [override.partition("=")[0]]
    ),
    Row("prepare: no such task", "prepare kws --root @ks/train", "ks"),
    *(
        Row(f"prepare {task}: {what}", f"prepare {task} --root {root} -o out", says, files, leaves=("out",))
        for task in ("er", "ks", "sid", "asr")
        for what, root, says, files in [
            ("a root that is not there", "nowhere", "nowhere", {}),
            ("a root that is a file", "@hubert.pt", "hubert.pt", {}),
            ("an empty root", "empty", "empty", {"empty/x": ""}),
            ("another corpus's root", "@audio", "audio", {}),
        ]
    ),
    *(
        Row(
            f"analyze: {corpus}, {what}",
            f"analyze -u tiny_hubert --corpus {corpus} --label {label} {root} -o out.json",
            says,
            files,
        )
        for corpus, label in {
            "speech_commands": "word",
            "voxceleb1": "speaker",
            "iemocap": "emotion",
            "librispeech": "speaker",
        }.items()
        for what, root, says, files in [
            ("no root", "", f"{DATA}{corpus.upper()}", {}),
            ("a root that is not there", "--root nowhere", "nowhere", {}),
            ("an empty root", "--root empty", "empty", {"empty/x": ""}),
        ]
    ),
    Row(
        "analyze: a label that a corpus lacks",
        "analyze -u tiny_hubert --corpus voxceleb1 --label word --root @sid -o out.json",
        "speaker",
    ),
]
