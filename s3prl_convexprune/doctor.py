"""What is installed, what was patched and why, and what each recipe still needs."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import yaml

from . import _plugin, compat
from .errors import ConvexPruneError
from .tasks.recipes import RECIPES, fill_paths, recipe_path
from .tasks.requirements import missing_packages, missing_part, missing_sox
from .tasks.table import DOWNSTREAMS
from .upstreams.names import usable_configs
from .versions import OTHER_PACKAGES, PACKAGES, PROGRAM, __version__


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        section: ``installed``, ``hook``, ``remedies``, ``configs`` or ``recipes``.
        name: what was looked at.
        state: what was found.
        ok: False where something does not work; a recipe without its corpus is not ok, and not broken.
        broken: whether nothing will run until it is mended.
    """

    section: str
    name: str
    state: str
    ok: bool = True
    broken: bool = False


def examine(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at this interpreter, apply the remedies it needs, and yield what was found, section by section."""
    yield from _installed()
    yield from _hook(environ)
    if find_spec("s3prl") is None or find_spec("torch") is None or find_spec("torchaudio") is None:
        return
    for remedy, report in zip(compat.REMEDIES, compat.apply(), strict=True):
        failed = report.state.startswith("failed")
        done = f"{report.state} to {remedy.target}" if report.applied else report.state
        yield Finding("remedies", report.name, f"{done}: {report.why}", ok=not failed, broken=failed)
    configs, errors = usable_configs()
    for config in configs.values():
        yield Finding("configs", config.name, str(config.path))
    for where, error in errors.items():
        yield Finding("configs", where, str(error), ok=False)
    for downstream in DOWNSTREAMS:
        yield _recipe(downstream, environ)


def _installed() -> Iterator[Finding]:
    yield Finding("installed", "Python", platform.python_version())
    yield Finding("installed", PROGRAM, __version__)
    versions: dict[str, str] = {}
    for name in (*PACKAGES, *OTHER_PACKAGES):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        yield Finding("installed", name, versions[name])
    for name in ("s3prl", "torch", "torchaudio"):
        if find_spec(name) is None:
            yield Finding("installed", name, f"is missing: pip install {name}", ok=False, broken=True)
    if find_spec("torch") is not None and find_spec("torchaudio") is not None:
        yield from _torchaudio(versions)
    if find_spec("torch") is not None:
        import torch

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, give --device cpu"
        yield Finding("installed", "CUDA device", device)


def _torchaudio(versions: Mapping[str, str]) -> Iterator[Finding]:
    """Whether torchaudio loads beside torch, where the two are not of one release or it does not."""
    torch, torchaudio = (".".join(versions[name].split(".")[:2]) for name in ("torch", "torchaudio"))
    compat.apply()
    try:
        compat.torchaudio_library.check()
    except ConvexPruneError as error:
        yield Finding("installed", "torch, torchaudio", str(error), ok=False, broken=True)
        return
    from torchaudio import _extension

    if not getattr(_extension, "_IS_TORCHAUDIO_EXT_AVAILABLE", True):
        state = f"{torch} and {torchaudio} load, without torchaudio's compiled library, which s3prl does not use"
        yield Finding("installed", "torch, torchaudio", state)
    elif torch != torchaudio:
        state = f"{torch} and {torchaudio} load: torchaudio 2.11 is made for every torch from 2.11 on"
        yield Finding("installed", "torch, torchaudio", state)


def _hook(environ: Mapping[str, str]) -> Iterator[Finding]:
    if environ.get(_plugin.SWITCH):
        state = f"switched off by {_plugin.SWITCH}; run_downstream.py and import s3prl_convexprune work without it"
        yield Finding("hook", ".pth file", state)
        return
    there = any(Path(folder, "s3prl_convexprune.pth").is_file() for folder in sys.path if folder)
    absent = "is not in site-packages: python -m s3prl.run_downstream will not know our names (run_downstream.py will)"
    yield Finding("hook", ".pth file", "is in site-packages" if there else absent, ok=there)


def _recipe(downstream: str, environ: Mapping[str, str]) -> Finding:
    missing = missing_packages(downstream)
    needs = [f"pip install {' '.join(missing)}"] if missing else []
    if part := missing_part(downstream):
        needs.append(f"a clone of s3prl, for {part}")
    if purpose := missing_sox(downstream):
        needs.append(f"the program sox {purpose} (apt-get install sox)")
    if downstream not in RECIPES:
        return _verdict(downstream, needs)
    try:
        with recipe_path(downstream).open(encoding="utf-8") as file:
            fill_paths(downstream, yaml.safe_load(file), environ)
    except OSError as error:
        needs.append(f"the recipe cannot be read: {error}")
    except ConvexPruneError as error:
        needs.append(str(error).removeprefix(f"{downstream}: "))
    return _verdict(downstream, needs)


def _verdict(downstream: str, needs: list[str]) -> Finding:
    state = "needs: " + "; ".join(needs) if needs else "ready"
    return Finding("recipes", downstream, state, ok=not needs)
