"""Keywords from a microphone: arecord -q -t raw -f S16_LE -c 1 -r 16000 | python listen.py OUT

OUT is what `export --format onnx --head` wrote. Needs onnxruntime and numpy, nothing else; runs on one thread.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

RATE, CHUNK, HOP = 16000, 16000, 4000  # samples: a window of one second, four answers a second


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("listen.py: error: expected an exported folder")
    folder = Path(sys.argv[1])
    facts = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    if facts["returns"] != "logits" or facts["slots"]:
        sys.exit(f"listen.py: error: {folder} was exported without a head that gives one label")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    window, heard = np.zeros(CHUNK, np.float32), 0
    while len(data := sys.stdin.buffer.read(2 * HOP)) == 2 * HOP:
        window = np.concatenate([window[HOP:], np.frombuffer(data, "<i2").astype(np.float32) / 32768])
        heard += HOP
        if heard < CHUNK:
            continue
        start = time.perf_counter()
        logits = session.run(None, {"wav": window[None]})[0][0]
        took = time.perf_counter() - start
        chances = np.exp(logits - logits.max())
        best = int(chances.argmax())
        chance = chances[best] / chances.sum()
        print(f"{heard / RATE:.2f} s: {facts['labels'][best]} {chance:.3f} ({1000 * took:.0f} ms)", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
