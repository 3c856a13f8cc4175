"""Checkpoints that are none, to every verb that reads one."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from .row import Content, Row


class Code:
    """A pickle that would leave a file behind if it ran."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, ("open('ran', 'w')",))


def torch_file(content: Any) -> bytes:
    """What `torch.save` writes."""
    import torch

    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _cut_short(path: Path, material: Path) -> None:
    content = (material / "hubert.pt").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _flipped(path: Path, material: Path) -> None:
    content = bytearray((material / "hubert.pt").read_bytes())
    content[:4] = b"PK\3\5"
    path.write_bytes(content)


def _hugging_face(path: Path, material: Path) -> None:
    path.symlink_to(material / "hf_hubert")


VERBS = {
    "analyze": "analyze -u {} -k x.pt --corpus @manifest.csv --label word --device cpu -o out.json",
    "profile": "profile -u {} -k x.pt --seconds 0.1 --batch 1 --repeats 1",
    "export": "export {} -k x.pt -o out.pt",
}
CHECKPOINTS: dict[str, Content | None] = {
    "not there": None,
    "empty": b"",
    "text": "weights",
    "a folder": _hugging_face,
    "cut short": _cut_short,
    "a damaged head": _flipped,
    "a pickle": pickle.dumps({"model": [1, 2]}),
    "pickled code": pickle.dumps({"model": Code()}),
}
ROWS = [
    Row(
        f"{verb}: unreadable, -k is {what}",
        command.format("hubert_custom_convexpruned_L2"),
        "x.pt",
        {"x.pt": content} if content is not None else {},
    )
    for verb, command in VERBS.items()
    for what, content in CHECKPOINTS.items()
] + [
    Row(f"{verb}: unreadable, {what}", command.format(name).replace("x.pt", ckpt), ckpt.lstrip("@"))
    for verb, command in VERBS.items()
    for what, name, ckpt in [
        ("another family's checkpoint", "wavlm_local_convexpruned_L2", "@hubert.pt"),
        ("a file where a folder is loaded", "hf_hubert_custom_convexpruned_L2", "@hubert.pt"),
        ("a manifest as a checkpoint", "hubert_custom_convexpruned_L2", "@manifest.csv"),
    ]
]
