"""Profile upstreams, each in a process of its own.

In one process the second upstream's memory would be charged with what the first one left behind. Here it is the
process's own, less what it held before the upstream was built.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import errors, program
from ..errors import ConvexPruneError
from ..memory import resident_memory
from ..outputs import claim_output
from ..progress import progress_bar
from ..schema import validated
from ..workers import children_spared
from .checks import check
from .cost import count_macs
from .measuring import BATCHES, LENGTHS, REPEATS, check_numbers, profile_upstream
from .profile import Profile, Profiles, write_profiles


def profile(
    upstreams: Sequence[str],
    output: str | Path | None = None,
    *,
    ckpt: str | None = None,
    random_init: str | None = None,
    device: str = "cpu",
    seconds: Sequence[float] = LENGTHS,
    batches: Sequence[int] = BATCHES,
    repeats: int = REPEATS,
    progress: bool = True,
) -> list[Profile]:
    """Measure upstreams, one process each.

    Args:
        upstreams: names on s3prl's hub, whole or cut.
        output: the artifact to write, if any.
        ckpt: checkpoint, for upstreams that take one.
        random_init: "base" or "large": random weights of this size; the names are then architectures or cuts of them.
        device, seconds, batches, repeats: see `profile_upstream`.
        progress: show a progress bar.

    Raises:
        ConfigError: a number or device that cannot be.
        ArtifactError: what is at `output` is not an older profile.
        ConvexPruneError: an upstream cannot be built.
    """
    check_numbers(seconds, batches, repeats)
    device = check(() if random_init else upstreams, ckpt=ckpt, device=device) or "cpu"
    asked: dict[str, Any] = {"ckpt": ckpt, "random_init": random_init, "device": device}
    asked |= {"seconds": list(seconds), "batches": list(batches), "repeats": repeats}
    claim = claim_output(output, Profiles.FORMAT, Profiles.VERSION) if output else contextlib.nullcontext()
    with claim:
        names = progress_bar(list(dict.fromkeys(upstreams)), desc="upstreams", unit="upstream", show=progress)
        rows = [_in_own_process({"name": name, **asked}) for name in names]
        if output:
            write_profiles(output, rows)
    return rows


def _in_own_process(asked: dict[str, Any]) -> Profile:
    command = [sys.executable, "-m", f"{__package__}.profiling"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with children_spared():
        started = subprocess.Popen(command, **pipes)
    with started as process:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()  # it stays open: when it ends, the process ends with it
            answer = process.stdout.readline()
        except BaseException:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)  # it clears up behind itself
            process.kill()
            raise
    if not answer:
        raise ConvexPruneError(
            f"{asked['name']}: the process that profiled it died; often the machine is out of memory"
        )
    found = json.loads(answer)
    if "error" in found:
        raise getattr(errors, found["kind"], ConvexPruneError)(found["error"])
    return validated(Profile, found, asked["name"])


def main() -> int:
    """The process of one upstream: what to measure on stdin, its profile or what is wrong on stdout."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what s3prl prints is no answer
    asked = json.loads(sys.stdin.readline())
    program.end_with_stdin()

    def body() -> int:
        try:
            print(json.dumps(asdict(_measure(**asked))), file=answer, flush=True)
        except ConvexPruneError as error:
            print(json.dumps({"error": str(error), "kind": type(error).__name__}), file=answer, flush=True)
        except KeyboardInterrupt:  # the process that started this one says so
            return program.INTERRUPTED
        return 0

    return program.run(body)


def _measure(name: str, ckpt: str | None, random_init: str | None, **how: Any) -> Profile:
    from .registry import load_hub

    load_hub()
    count_macs(_Smallest(), [torch.ones(16)])  # loads what torch loads at its first use
    baseline = resident_memory()
    label = f"{name} ({random_init}, random weights)" if random_init else name
    with built(name, ckpt, random_init) as expert:
        give_back()
        return profile_upstream(expert, label, baseline_mb=None if baseline is None else baseline / 1e6, **how)


class _Smallest(nn.Module):
    def forward(self, wavs: list[torch.Tensor]) -> torch.Tensor:
        return nn.functional.conv1d(wavs[0][None, None], torch.ones(1, 1, 3))


def give_back() -> None:
    """Return to the system what loading has freed: it is not the upstream's, and glibc would keep it."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def built(name: str, ckpt: str | None, random_init: str | None) -> Iterator[nn.Module]:
    """An upstream, with its own weights or with random ones of a size; arguments as in `profile`."""
    if random_init:
        from .random_init import random_upstream

        with random_upstream(name, random_init) as expert:
            yield expert
    else:
        from .registry import build_upstream

        yield build_upstream(name, ckpt=ckpt)


if __name__ == "__main__":
    sys.exit(main())
