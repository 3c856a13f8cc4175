"""Exported folders beside the upstreams they were made of: time, memory and bytes of each, in one run.

Every model lives in a process of its own. The processes take turns, one pass each a round, so that a machine that slows
down for a while slows all of them alike.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .. import errors
from ..errors import ArtifactError, ConfigError, ConvexPruneError, InstallationError
from ..numbers import AT_LEAST_ONE, SECONDS
from ..outputs import claim_output
from ..progress import progress_bar
from ..sampling import SAMPLE_RATE
from ..versions import package_versions
from ..workers import children_spared
from .device_profile import DeviceProfile, Form, ModelCost
from .exported import FACTS, GRAPH, check_graph, read_exported

REPEATS = 30  # so that p95 is not the slowest pass alone
TIMED = f"{__package__}.timed_model"


@dataclass(frozen=True)
class _Model:
    name: str
    form: Form
    asked: dict[str, Any]


def profile_exported(
    exported: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    upstreams: Sequence[str] = (),
    ckpt: str | None = None,
    random_init: str | None = None,
    seconds: float = 4.0,
    repeats: int = REPEATS,
    threads: int | None = None,
    progress: bool = True,
) -> DeviceProfile:
    """Measure exported folders, and upstreams in torch beside them, on this machine's CPU.

    Args:
        exported: folders that `export` wrote, in the format ``"hf"`` (measured in float32 and in bfloat16) or
            ``"onnx"`` (in the precision of the graph).
        output: the artifact to write, if any.
        upstreams: names on s3prl's hub, measured in torch, in float32 and in bfloat16; they stand first.
        ckpt: checkpoint, for upstreams that take one.
        random_init: ``"base"`` or ``"large"``: upstreams with random weights of this size.
        seconds: length of the one utterance of a pass.
        repeats: timed passes a model.
        threads: how many a model may use; one, and then all, when None.
        progress: show a progress bar.

    Raises:
        ConfigError: a number that cannot be, or nothing to measure.
        ArtifactError: a folder is no export, or damaged; what is at `output` is another file.
        InstallationError: a graph is given and onnxruntime is not installed.
        ConvexPruneError: an upstream cannot be built.
    """
    SECONDS.check("--seconds", seconds)
    AT_LEAST_ONE.check("--repeats", repeats)
    counts = _thread_counts() if threads is None else [AT_LEAST_ONE.check("--threads", threads)]
    models = [model for name in dict.fromkeys(upstreams) for model in _of_upstream(name, ckpt, random_init)]
    models += [model for folder in dict.fromkeys(map(str, exported)) for model in _of_folder(Path(folder))]
    if not models:
        raise ConfigError("--exported: expected a folder that 'export' wrote")
    if upstreams:
        from ..upstreams.checks import check

        check(() if random_init else upstreams, ckpt=ckpt, device="cpu")
    claim = claim_output(output, DeviceProfile.FORMAT, DeviceProfile.VERSION) if output else contextlib.nullcontext()
    with claim:
        bar = progress_bar(total=len(counts) * (len(models) + repeats), desc="profile", unit="step", show=progress)
        with bar:
            rows = [row for count in counts for row in _together(models, count, seconds, repeats, bar)]
        cores = f"{os.cpu_count()} cores"
        profile = DeviceProfile(
            float(seconds),
            repeats,
            f"{platform.processor() or platform.machine()}, {cores}",
            tuple(rows),
            package_versions(),
        )
        if output:
            profile.write(output)
    return profile


def _thread_counts() -> list[int]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return sorted({1, usable})


def _of_upstream(name: str, ckpt: str | None, random_init: str | None) -> Iterator[_Model]:
    label = f"{name} ({random_init}, random weights)" if random_init else name
    yield from _in_torch(label, {"kind": "upstream", "name": name, "ckpt": ckpt, "random_init": random_init})


def _of_folder(folder: Path) -> Iterator[_Model]:
    if (folder / FACTS).is_file():
        facts = read_exported(folder)
        check_graph(folder, facts)
        if find_spec("onnxruntime") is None:
            raise InstallationError(f"{folder} needs onnxruntime; pip install 's3prl-convexprune[onnx]'")
        form: Form = "onnx int8" if facts.quantised else "onnx fp32"
        yield _Model(str(folder), form, {"kind": "onnx", "path": str(folder / GRAPH)})
        return
    from ..upstreams.exported import says_cut

    if not says_cut(folder):
        raise ArtifactError(
            f"--exported {folder}: is no exported folder; expected what 'export --format onnx' or '--format hf' wrote"
        )
    yield from _in_torch(str(folder), {"kind": "transformers", "path": str(folder)})


def _in_torch(name: str, asked: dict[str, Any]) -> Iterator[_Model]:
    yield _Model(name, "torch fp32", {**asked, "precision": "fp32"})
    yield _Model(name, "torch bf16", {**asked, "precision": "bf16"})


def _together(models: Sequence[_Model], threads: int, seconds: float, repeats: int, bar: Any) -> Iterator[ModelCost]:
    told = {"threads": threads, "samples": round(seconds * SAMPLE_RATE)}
    with contextlib.ExitStack() as stack:
        processes = []
        for model in models:
            processes.append(stack.enter_context(_Process(model, {**model.asked, **told})))
            bar.update()
        times: list[list[float]] = [[] for _ in models]
        for _ in range(repeats):
            for process, taken in zip(processes, times, strict=True):
                taken.append(1e3 * process.ask("go"))
            bar.update()
        for model, process, taken in zip(models, processes, times, strict=True):
            median = statistics.median(taken)
            yield ModelCost(
                model=model.name,
                form=model.form,
                threads=threads,
                p50_ms=median,
                p95_ms=float(np.quantile(taken, 0.95)),
                rtf=median / 1e3 / seconds,
                first_output_s=process.first_output_s,
                memory_mb=process.ask("end"),
                file_mb=process.size_mb,
            )


class _Process:
    """A `timed_model` that has given its first answer."""

    def __init__(self, model: _Model, asked: dict[str, Any]) -> None:
        self.name = f"{model.name} ({model.form})"
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        environ = {**os.environ, "OMP_NUM_THREADS": str(asked["threads"]), "TRANSFORMERS_VERBOSITY": "error"}
        start = time.perf_counter()
        with children_spared():
            self._process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", TIMED], env=environ, **pipes)
        try:
            self.size_mb: float = self.ask(json.dumps(asked))["mb"]
            self.first_output_s = time.perf_counter() - start
        except BaseException:
            self.__exit__()
            raise

    def ask(self, line: str) -> Any:
        """What the process says to a line.

        Raises:
            ConvexPruneError: what it says is wrong, or it died.
        """
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise ConvexPruneError(f"{self.name}: its process died; often the machine is out of memory")
        found = json.loads(said)
        if isinstance(found, dict) and "error" in found:
            raise getattr(errors, found["kind"], ConvexPruneError)(found["error"])
        return found

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
