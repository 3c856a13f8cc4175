"""Checkpoints that hold code, or not all of their weights, through every verb that reads one."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .row import ANALYZE, Row

NO_GUARD = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}  # torch's own; ours stays
TRAIN = (
    "run_downstream.py -m train -d speech_commands -n exp --device cpu "
    '-o "config.downstream_expert.datarc.speech_commands_root=@ks/train,,'
    'config.downstream_expert.datarc.speech_commands_test_root=@ks/test"'
)
EXPERIMENT = ("result", "result/*", "result/downstream/exp", "result/downstream/exp/*")


class Payload:
    """Makes a folder where it is unpickled: a row allows none."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def _native(change: Callable[[dict[str, Any]], object]) -> Callable[[Path, Path], object]:
    def make(path: Path, material: Path) -> None:
        import torch

        states = torch.load(material / "hubert.pt", weights_only=True)
        change(states)
        torch.save(states, path)

    return make


def _pickle(states: dict[str, Any]) -> None:
    states["extra"] = Payload()


def _code(states: dict[str, Any]) -> None:
    layers = states["model_cfg"]["conv_feature_layers"]
    states["model_cfg"]["conv_feature_layers"] = f"__import__('os').mkdir('ran') or {layers}"


def _bomb(states: dict[str, Any]) -> None:
    states["model_cfg"]["conv_feature_layers"] = "[(1,1,1)] * 10**9"


def _gap(states: dict[str, Any]) -> None:
    del states["model_weight"]["encoder.layers.0.fc1.weight"]


def _nan(states: dict[str, Any]) -> None:
    states["model_weight"]["encoder.layers.0.fc1.weight"][0, 0] = float("nan")


def _folder(weights: str | None = None, **config: object) -> Callable[[Path, Path], object]:
    def make(path: Path, material: Path) -> None:
        from safetensors.torch import load_file, save_file

        shutil.copytree(material / "hf_hubert", path)
        content = json.loads((path / "config.json").read_text())
        (path / "config.json").write_text(json.dumps(content | config))
        if weights:
            held = load_file(path / "model.safetensors")
            del held[weights]
            save_file(held, path / "model.safetensors", metadata={"format": "pt"})

    return make


def _experiment(**args: Any) -> Callable[[Path, Path], object]:
    def make(path: Path, material: Path) -> None:
        from argparse import Namespace

        import torch

        torch.save({"Args": Namespace(expdir="exp", **args), "Config": {"runner": {}}}, path)

    return make


def _without_weights(path: Path, material: Path) -> None:
    import torch

    torch.save({"model": {}}, path)


def _index(content: str | bytes) -> Callable[[Path, Path], object]:
    def make(path: Path, material: Path) -> None:
        shutil.copytree(material / "hf_hubert", path)
        (path / "model.safetensors").unlink()
        index = path / "model.safetensors.index.json"
        index.write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def _file_of_folder(name: str, content: str) -> Callable[[Path, Path], object]:
    def make(path: Path, material: Path) -> None:
        shutil.copytree(material / "hf_hubert", path)
        (path / name).write_text(content)

    return make


EXPORT = "export hubert_custom_convexpruned_L2 -k bad.pt -o out.pt"
EXPORT_FOLDER = "export hf_hubert_custom_convexpruned_L2 -k bad -o out"
VERBS = {
    "analyze": (f"{ANALYZE} -u hubert_custom -k bad.pt", ["code in its config"]),
    "export": (EXPORT, ["a pickle", "code in its config", "a missing weight", "a weight that is NaN"]),
    "run_downstream.py": (
        f"{TRAIN} -u hubert_custom -k bad.pt",
        ["a pickle", "code in its config", "a billion convolutions", "a missing weight", "a weight that is NaN"],
    ),
}
BAD = {
    "a pickle": (_pickle, ("bad.pt", "it was refused and not run")),
    "code in its config": (_code, ("bad.pt", "it was refused and not run")),
    "a billion convolutions": (_bomb, ("bad.pt", "conv_feature_layers")),
    "a missing weight": (_gap, "encoder.layers.0.fc1.weight"),
    "a weight that is NaN": (_nan, "encoder.layers.0.fc1.weight"),
}
FILES = {
    "text": ("hello", "starts with"),
    "random bytes": (random.Random(0).randbytes(4096), "starts with"),
    "cut in half": (lambda path, material: path.write_bytes((material / "hubert.pt").read_bytes()[:9999]), "truncated"),
    "nothing": ("", "is empty"),
    "a web page": ("<!doctype html>", "a web page"),
    "a pointer of Git LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
}

ROWS = [
    *(
        Row(
            f"{verb}: a checkpoint with {what}",
            command,
            BAD[what][1],
            {"bad.pt": _native(BAD[what][0])},
            environ=NO_GUARD,
            leaves=EXPERIMENT if "run_downstream" in verb else (),
        )
        for verb, (command, kinds) in VERBS.items()
        for what in kinds
    ),
    *(
        Row(f"{verb}: a checkpoint that is {what}", command, ("bad.pt", says), {"bad.pt": content}, leaves=EXPERIMENT)
        for verb, command in [
            ("export", EXPORT),
            ("analyze", f"{ANALYZE} -u hubert_custom -k bad.pt"),
            ("run_downstream.py", f"{TRAIN} -u hubert_custom_convexpruned_L2 -k bad.pt"),
        ]
        for what, (content, says) in FILES.items()
    ),
    *(
        Row(f"export: a transformers folder {what}", EXPORT_FOLDER, says, {"bad": make})
        for what, make, says in [
            ("without a weight", _folder("feature_projection.projection.bias"), "feature_projection.projection.bias"),
            ("with more layers than weights", _folder(num_hidden_layers=24), "num_hidden_layers 24"),
            ("with layers in words", _folder(num_hidden_layers="six"), "num_hidden_layers"),
            ("with attention from a hub", _folder(attn_implementation="some/one"), "attn_implementation"),
        ]
    ),
    *(
        Row(
            f"{verb}: a {file} that is {what}",
            command,
            (file, "no JSON object"),
            {"bad": _file_of_folder(file, content)},
        )
        for verb, command in [("analyze", f"{ANALYZE} -u hf_hubert_custom -k bad"), ("export", EXPORT_FOLDER)]
        for file in ("config.json", "preprocessor_config.json")
        for what, content in [("a list", "[]"), ("a number", "3")]
    ),
    *(
        Row(
            f"{verb}: waveforms normalised by {value}",
            command,
            ("preprocessor_config.json", "expected true or false"),
            {"bad": _file_of_folder("preprocessor_config.json", f'{{"do_normalize": {value}}}')},
        )
        for verb, command, value in [
            ("analyze", f"{ANALYZE} -u hf_hubert_custom -k bad", "3"),
            ("export", EXPORT_FOLDER, '"no"'),
        ]
    ),
    Row(
        "run_downstream.py: an experiment that is a pickle",
        "run_downstream.py -m evaluate -e bad.ckpt",
        ("bad.ckpt", "it was refused and not run"),
        {"bad.ckpt": _experiment(seed=Payload())},
        environ=NO_GUARD,
    ),
    Row(
        "run_downstream.py: an experiment whose code is on a hub",
        "run_downstream.py -m evaluate -e bad.ckpt",
        "asks for code from the Hugging Face hub",
        {"bad.ckpt": _experiment(hub="huggingface", upstream="some/repo")},
    ),
    Row(
        "run_downstream.py: weights that are a pickle",
        f"{TRAIN} -u tiny_hubert -i bad.ckpt",
        ("bad.ckpt", "it was refused and not run"),
        {"bad.ckpt": _experiment(seed=Payload())},
        environ=NO_GUARD,
        leaves=EXPERIMENT,
    ),
    Row(
        "analyze: a recurrent upstream's checkpoint without weights",
        f"{ANALYZE} -u decoar_local -k bad.pt",
        ("bad.pt", "backward_lstm.bias_hh_l0"),
        {"bad.pt": _without_weights},
    ),
    Row(
        "run_downstream.py: a recurrent upstream's checkpoint without weights",
        f"{TRAIN} -u decoar_layers_local -k bad.pt",
        ("bad.pt", "backward_lstms.0.bias_hh_l0"),
        {"bad.pt": _without_weights},
        leaves=EXPERIMENT,
    ),
    Row(
        "export: a place with another export",
        "export hubert_custom_convexpruned_L2 -k @hubert.pt -o out.pt",
        ("out.pt", "exists already"),
        {"out.pt": _native(lambda states: states.update(s3prl_convexprune={"base": "hubert_custom", "layers": 2}))},
    ),
    *(
        Row(f"export: an index of weights that is {what}", EXPORT_FOLDER, "index.json", {"bad": _index(content)})
        for what, content in [
            ("a list", "[]"),
            ("a number", '{"weight_map": 3}'),
            ("not text", b"\xff\xfe"),
            ("of files elsewhere", '{"weight_map": {"a": "../x.bin"}}'),
        ]
    ),
    *(
        Row(f"export: {what}", f"export tiny_hubert_convexpruned_L2 -o {place}", "no name for an export")
        for what, place in [("into this folder itself", "."), ("to nowhere", '""'), ("into the folder above", "..")]
    ),
]
