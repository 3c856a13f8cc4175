"""The process of one model that is timed: it loads it, answers once, and then passes it as often as it is told.

A line of JSON on stdin says which. What it says are lines too: ``{"mb": size}`` with the first answer, the seconds of a
pass for each further line, and the megabytes that the model took for the line ``end``. It ends with its stdin.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..compat.quiet import hush
from ..errors import ArtifactError, ConvexPruneError
from ..memory import forget_peak, peak_memory, resident_memory

WARM_UP = 2  # untimed passes after the first

Pass = Callable[[np.ndarray], object]


def main() -> int:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    hush()

    def say(content: object) -> None:
        print(json.dumps(content), file=answer, flush=True)

    asked = json.loads(sys.stdin.readline())
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(told,), daemon=True).start()
    wav = (0.1 * np.random.default_rng(0).standard_normal(asked["samples"])).astype(np.float32)
    try:
        with LOADERS[asked["kind"]](asked) as (once, size, before):
            once(wav)
            say({"mb": size / 1e6})
            for _ in range(WARM_UP):
                once(wav)
            known = forget_peak()
            while told.get() != "end\n":
                start = time.perf_counter()
                once(wav)
                say(time.perf_counter() - start)
            peak = peak_memory()
            say(None if not known or peak is None or before is None else max(0.0, (peak - before) / 1e6))
    except ConvexPruneError as error:
        say({"error": str(error), "kind": type(error).__name__})
    return 0


def _listen(told: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        told.put(line)
    os._exit(1)


@contextlib.contextmanager
def _onnx(asked: dict[str, Any]) -> Iterator[tuple[Pass, int, int | None]]:
    """An onnxruntime graph; what is imported is what `run.py` of an exported folder imports."""
    import onnxruntime

    before = resident_memory()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = asked["threads"]
    with _explained(asked["path"], "onnxruntime"):
        session = onnxruntime.InferenceSession(asked["path"], options, providers=["CPUExecutionProvider"])
    yield lambda wav: session.run(None, {"wav": wav[None]}), Path(asked["path"]).stat().st_size, before


@contextlib.contextmanager
def _transformers(asked: dict[str, Any]) -> Iterator[tuple[Pass, int, int | None]]:
    """A folder in transformers' format with its feature extractor."""
    torch = _torch(asked)
    from transformers import MODEL_MAPPING, AutoConfig, AutoFeatureExtractor

    from ..compat.hf_weights import load_model

    own = {"local_files_only": True, "trust_remote_code": False}  # a folder is data
    with _explained(asked["path"], "transformers"):
        extractor = AutoFeatureExtractor.from_pretrained(asked["path"], **own)
        # imports the model's code, which is not the model's memory
        model_class = MODEL_MAPPING[type(AutoConfig.from_pretrained(asked["path"], **own))]
    before = resident_memory()
    model = load_model(model_class, asked["path"], local_files_only=True, use_safetensors=True)
    with _precision(torch, model, asked["precision"]) as size:
        yield lambda wav: model(**extractor(wav, sampling_rate=16000, return_tensors="pt")), size, before


@contextlib.contextmanager
def _upstream(asked: dict[str, Any]) -> Iterator[tuple[Pass, int, int | None]]:
    """An upstream on s3prl's hub, whole or cut."""
    torch = _torch(asked)
    from ..upstreams.profiling import built, give_back
    from ..upstreams.registry import load_hub

    load_hub()
    before = resident_memory()
    with built(asked["name"], asked["ckpt"], asked["random_init"]) as expert:
        give_back()
        with _precision(torch, expert, asked["precision"]) as size:
            yield lambda wav: expert([torch.from_numpy(wav)]), size, before


LOADERS = {"onnx": _onnx, "transformers": _transformers, "upstream": _upstream}


def _torch(asked: dict[str, Any]) -> Any:
    import torch

    torch.set_num_threads(asked["threads"])
    torch.nn.functional.conv1d(torch.ones(1, 1, 16), torch.ones(1, 1, 3))  # loads what torch loads at its first use
    return torch


@contextlib.contextmanager
def _precision(torch: Any, model: Any, precision: str) -> Iterator[int]:
    """A model with its weights in a precision, and the bytes they have; it is fed float32 as ever."""
    low = precision == "bf16"
    model.eval()
    if low:
        model.to(torch.bfloat16)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=low):
        yield sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


@contextlib.contextmanager
def _explained(path: str, who: str) -> Iterator[None]:
    """A file that a library cannot load, whatever it raises then, is an error about the file."""
    try:
        yield
    except Exception as error:
        raise ArtifactError(f"{path}: {who} cannot load it: {' '.join(str(error).split())[:300]}") from error


if __name__ == "__main__":
    sys.exit(main())
