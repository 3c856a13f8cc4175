"""Loading a cut upstream against loading one that natively has so many layers (and against the whole one).

    python -m benchmarks.bench_loading [--size base|large] [--layers 6] [--rounds 5]

Each load runs in a process of its own. Ratios are medians over interleaved rounds: peak memory above what the
process held before, bytes of the checkpoint that were read (pages of the file that the load brought into the page
cache, which is emptied of it before), and the time of the second load in a process over the first.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.hubert_sizes import SIZES, write_checkpoint
from s3prl_convexprune.memory import forget_peak, peak_memory, resident_memory

KINDS = ("cut", "native", "whole")


def load(entry: str, path: str) -> None:
    """The child: load twice, print what it took."""
    from s3prl_convexprune.upstreams import registry

    registry.load_hub()
    evict(path)
    forget_peak()
    before = resident_memory()
    start = time.perf_counter()
    expert = registry.build_upstream(entry, ckpt=path)
    first = time.perf_counter() - start
    taken = {"peak": peak_memory() - before, "read": in_cache(path), "held": resident_memory() - before}
    del expert
    start = time.perf_counter()
    registry.build_upstream(entry, ckpt=path)
    print(json.dumps({**taken, "first": first, "second": time.perf_counter() - start}))


def evict(path: str) -> None:
    """Take a file out of the page cache."""
    with Path(path).open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if in_cache(path) > 0.01 * Path(path).stat().st_size:
        raise SystemExit(f"the system keeps {path} in its page cache; bytes read cannot be counted here")


def in_cache(path: str) -> int:
    """Bytes of a file that are in the page cache, by mincore(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        pages = -(-len(mapped) // mmap.PAGESIZE)
        present = ctypes.create_string_buffer(pages)
        view = ctypes.c_char.from_buffer(mapped)
        status = libc.mincore(ctypes.addressof(view), len(mapped), present)
        del view
        if status:
            raise OSError(ctypes.get_errno(), "mincore failed")
        return sum(byte & 1 for byte in present.raw) * mmap.PAGESIZE


def measure(entry: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_loading", "--child", entry, str(path)]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000", "MALLOC_TRIM_THRESHOLD_": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--layers", type=int, help="layers kept (default: half)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        load(*args.child)
        return
    whole = SIZES[args.size][1]
    layers = args.layers or whole // 2
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        paths = {
            "whole": write_checkpoint(args.size, whole, Path(folder) / "whole"),
            "native": write_checkpoint(args.size, layers, Path(folder) / "native"),
        }
        calls = {
            "cut": (f"hubert_custom_convexpruned_L{layers}", paths["whole"]),
            "native": ("hubert_custom", paths["native"]),
            "whole": ("hubert_custom", paths["whole"]),
        }
        rounds = [{kind: measure(*calls[kind]) for kind in KINDS} for _ in range(args.rounds)]
    print(f"HuBERT {args.size}, {layers} of {whole} layers, {args.rounds} rounds; medians")
    for field, text in (("peak", "peak memory"), ("held", "memory held after"), ("read", "checkpoint bytes read")):
        for other in ("native", "whole"):
            ratio = statistics.median(one["cut"][field] / one[other][field] for one in rounds)
            print(f"  {text}, cut / {other}: {ratio:.3f}")
    for other in ("native", "whole"):
        ratio = statistics.median(one["cut"]["second"] / one[other]["second"] for one in rounds)
        print(f"  time to load (file cached), cut / {other}: {ratio:.2f}")
    for kind in KINDS:
        ratio = statistics.median(one[kind]["second"] / one[kind]["first"] for one in rounds)
        print(f"  second load / first, {kind}: {ratio:.2f}")


if __name__ == "__main__":
    main()
