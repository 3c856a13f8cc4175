"""Upstream configs that cannot be used: `list` names them, `doctor` too, and every other name stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .row import Content, Row

HERE = {"S3PRL_CONVEXPRUNE_CONFIGS": "."}
GOOD = "name: n\nbase: tiny_hubert\nlayers: 3\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


def _made(make: Callable[[Path], object]) -> Callable[[Path, Path], object]:
    return lambda path, _material: make(path)


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 27)


CONFIGS: dict[str, tuple[Content, str]] = {
    "a date that is none": (f"{GOOD}task: 2020-13-45", "month"),
    "a number that is none": ("name: n\nbase: hubert\nlayers: 0x_", "is not YAML"),
    "5000 digits": (f"name: n\nbase: hubert\nlayers: {'9' * 5000}", "is not YAML"),
    "deep nesting": ("[" * 20_000, "nested too deeply"),
    "an alias bomb": (BOMB, "stands for more than"),
    "another encoding": (GOOD.encode("utf-16"), "is not UTF-8"),
    "a pipe": (_made(os.mkfifo), "a pipe"),
    "a folder": (_made(Path.mkdir), "is a folder"),
    "130 megabytes": (_made(_sparse), "longer than"),
    "an endless file": (_made(lambda path: path.symlink_to("/dev/zero")), "device"),
    "a loop": (_made(lambda path: path.symlink_to(path)), "cannot be read"),
    "a name that the hub has": ("name: wavlm_local\nbase: wavlm\nlayers: 3", "named 'wavlm_local'"),
    "a name with another depth": (
        "name: tiny_hubert_convexpruned_L3\nbase: tiny_hubert\nlayers: 1",
        "says 3 layers of tiny_hubert",
    ),
}
SELECT = "select @analysis.json --fallback whole -o cut.yaml --name"
NAMES = {
    "hubert_convexpruned_L06": "depth is spelt hubert_convexpruned_L6",
    "hubert_convexpruned_l6": "depth is spelt hubert_convexpruned_L6",
    "hubert_convexpruned_L６": "depth is spelt hubert_convexpruned_L6",
}

ROWS = [
    *(
        Row(f"list: a config with {what}", "list", ("bad.yaml", says), {"bad.yaml": content}, environ=HERE)
        for what, (content, says) in CONFIGS.items()
    ),
    Row(
        "show: a name of ours beside a config that is a bomb",
        "show n",
        "layers: 3",
        {"bad.yaml": BOMB, "good.yaml": GOOD},
        status=0,
        environ=HERE,
    ),
    Row("list: a home that is none", "list", "~nosuchuser", environ={"S3PRL_CONVEXPRUNE_CONFIGS": "~nosuchuser/x"}),
    Row("list: a place too long", "list", "too long", environ={"S3PRL_CONVEXPRUNE_CONFIGS": "/" + "a" * 5000}),
    Row(
        "list: a folder of configs that may not be read",
        "list",
        ("upstream_configs", "Permission denied"),
        {"s3prl_convexprune/upstream_configs": _made(lambda path: path.mkdir(mode=0))},
        environ={"XDG_CONFIG_HOME": "."},
        unprivileged=True,
    ),
    Row("list: no home", "list", "hubert_convexpruned_half", status=0, environ={"HOME": None}),
    Row(
        "doctor: a config that is a bomb", "doctor", "stands for more than", {"bad.yaml": BOMB}, status=0, environ=HERE
    ),
    *(Row(f"show: {name}", f"show {name}", says) for name, says in NAMES.items()),
    Row("select: a name that the hub has", f"{SELECT} wavlm_local", "named 'wavlm_local'"),
    Row("select: a name with another depth", f"{SELECT} tiny_hubert_convexpruned_L99", "says 99 layers"),
    Row("select: a name that is not ASCII", f"{SELECT} tiny_hubert_é", "ASCII"),
    Row(
        "run_downstream.py: a recipe that is a bomb",
        "run_downstream.py -m train -u tiny_hubert -d emotion -n x -c bad.yaml",
        ("bad.yaml", "stands for more than"),
        {"bad.yaml": BOMB},
    ),
    Row(
        "run_downstream.py: a recipe that is a list",
        "run_downstream.py -m train -u tiny_hubert -d emotion -n x -c bad.yaml",
        "is not a recipe",
        {"bad.yaml": "[1, 2]"},
    ),
]
