"""The whole upstream in torch against its cuts as ONNX graphs, in full precision and in eight bits; one thread.

    python -m benchmarks.bench_export [--layers 12 8 6 2] [--seconds 4] [--rounds 9] [--keep FOLDER]

HuBERT Base with random weights, and the tiny model that ships. Each model lives in a process of its own; they take
turns, one pass each a round. Printed are ratios to the whole model in torch: the time of a pass (median over rounds),
resident memory after the passes less what the process held before it loaded the model, and bytes of the file.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.hubert_sizes import write_checkpoint
from s3prl_convexprune.memory import resident_memory
from s3prl_convexprune.sampling import SAMPLE_RATE

TINY = 12  # layers of the model that ships


def serve(kind: str, path: str, samples: int) -> None:
    """The child: a pass and its seconds for each line on stdin; at the end, the bytes of memory that the model took."""
    import numpy as np

    wav = (0.1 * np.random.default_rng(0).standard_normal((1, samples))).astype(np.float32)
    if kind == "torch":
        import torch

        from s3prl_convexprune.upstreams import registry

        torch.set_num_threads(1)
        registry.load_hub()
        before = resident_memory()
        upstream = registry.build_upstream("tiny_hubert" if path == "tiny" else "hubert_custom", ckpt=_checkpoint(path))
        upstream.eval()
        tensor = torch.from_numpy(wav[0])

        def once() -> None:
            with torch.no_grad():
                upstream([tensor])
    else:
        import onnxruntime  # noqa: F401  (it belongs to what the process holds before)

        from s3prl_convexprune.deploy.predict import load

        before = resident_memory()
        predictor = load(path, threads=1)

        def once() -> None:
            predictor.output(wav[0])

    once()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        once()
        print(time.perf_counter() - start, flush=True)
    print((resident_memory() or 0) - (before or 0), flush=True)


def _checkpoint(path: str) -> str | None:
    return None if path == "tiny" else path


def export_all(folder: Path, layers: list[int], checkpoint: Path) -> dict[str, tuple[str, str]]:
    """Model -> what its child is told."""
    from s3prl_convexprune.verbs import export

    told = {"Base L12 torch": ("torch", str(checkpoint)), "tiny L12 torch": ("torch", "tiny")}
    cuts = [("Base", "hubert_custom", depth, str(checkpoint)) for depth in layers]
    for size, base, depth, ckpt in [*cuts, ("tiny", "tiny_hubert", TINY, None)]:
        for kind, int8 in (("fp32", False), ("int8", True)):
            out = folder / f"{size}_L{depth}_{kind}"
            if not out.exists():
                export(f"{base}_convexpruned_L{depth}", out, ckpt=ckpt, format="onnx", returns="pooled", int8=int8)
            told[f"{size} L{depth} {kind}"] = ("onnx", str(out))
    return told


def size_of(told: tuple[str, str]) -> int:
    if told[0] == "onnx":
        return (Path(told[1]) / "model.onnx").stat().st_size
    if told[1] != "tiny":
        return Path(told[1]).stat().st_size
    import s3prl_convexprune.demo

    return (Path(s3prl_convexprune.demo.__file__).parent / "model" / "model.safetensors").stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, nargs="+", default=[12, 8, 6, 2])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="where the exports stay for the next run (default: nowhere)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    samples = int(args.seconds * SAMPLE_RATE)
    if args.child:
        serve(*args.child, samples)
        return
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        checkpoint = folder / "base" / "hubert.pt"
        if not checkpoint.exists():
            write_checkpoint("base", 12, checkpoint.parent)
        told = export_all(folder, args.layers, checkpoint)
        children = {name: _child(one, args.seconds) for name, one in told.items()}
        for child in children.values():
            child.stdout.readline()
        times: dict[str, list[float]] = {name: [] for name in children}
        for _ in range(args.rounds):
            for name, child in children.items():
                child.stdin.write("go\n")
                child.stdin.flush()
                times[name].append(float(child.stdout.readline()))
        memory = {name: int(child.communicate()[0].split()[-1]) for name, child in children.items()}
        print(f"{args.seconds:g} s of audio, one thread, {args.rounds} rounds; ratios to the whole model in torch")
        for name, one in told.items():
            whole = f"{name.split()[0]} L12 torch"
            ratio = statistics.median(mine / its for mine, its in zip(times[name], times[whole], strict=True))
            print(
                f"  {name:16s} time {ratio:.3f}  memory {memory[name] / memory[whole]:.3f}  "
                f"bytes {size_of(one) / size_of(told[whole]):.3f}"
            )


def _child(told: tuple[str, str], seconds: float) -> subprocess.Popen[str]:
    module = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_export"]
    command = [*module, "--seconds", str(seconds), "--child", *told]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)


if __name__ == "__main__":
    main()
