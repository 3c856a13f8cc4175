"""Labels of 16 kHz PCM wav files: python run.py FILE.wav ... Needs onnxruntime and numpy, nothing else."""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime

FOLDER = Path(__file__).parent


def read(path: str) -> np.ndarray:
    with wave.open(path, "rb") as file:
        if file.getframerate() != 16000 or file.getsampwidth() != 2:
            raise ValueError("expected 16 bit PCM at 16 kHz")
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return samples.reshape(-1, file.getnchannels()).mean(1).astype(np.float32) / 32768


def main() -> None:
    facts = json.loads((FOLDER / "export.json").read_text(encoding="utf-8"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = str(FOLDER / "model.onnx")
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    if len(sys.argv) < 2:
        sys.exit("run.py: error: expected wav files")
    for path in sys.argv[1:]:
        try:
            wav = read(path)
            if len(wav) < facts["shortest"]:
                raise ValueError(f"has {len(wav)} samples, expected {facts['shortest']} or more")
        except (OSError, EOFError, ValueError, wave.Error) as error:
            sys.exit(f"run.py: error: {path}: {error}")
        output = session.run(None, {"wav": wav[None]})[0]
        if not facts["labels"]:
            print(f"{path}: {facts['returns']} {list(output.shape)}")
            continue
        chances = np.exp(output[0] - output[0].max())
        chances /= chances.sum()
        best = np.argsort(-chances)[:3]
        print(f"{path}: " + ", ".join(f"{facts['labels'][at]} {chances[at]:.3f}" for at in best))


if __name__ == "__main__":
    main()
