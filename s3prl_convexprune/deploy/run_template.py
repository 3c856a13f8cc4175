"""Labels or text of 16 kHz PCM wav files: python run.py FILE.wav ... Needs onnxruntime and numpy, nothing else."""

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
        if len(samples) < file.getnframes() * file.getnchannels():
            raise ValueError("is cut short")
        return samples.reshape(-1, file.getnchannels()).mean(1).astype(np.float32) / 32768


def said(output: np.ndarray, facts: dict) -> str:
    labels, parts, start = facts["labels"], [], 0
    if not labels:
        return f"{facts['returns']} {list(output.shape)}"
    if facts["returns"] == "characters":  # CTC: repetitions once; the blank's label is empty
        best = output[0].argmax(-1)
        return " ".join("".join(labels[at] for at in best[np.diff(best, prepend=-1) != 0]).split())
    for slot, count in facts["slots"] or [["", len(labels)]]:
        chances = np.exp(output[0, start : start + count] - output[0, start : start + count].max())
        chances /= chances.sum()
        best = [f"{labels[start + at]} {chances[at]:.3f}" for at in np.argsort(-chances, kind="stable")[:3]]
        parts.append(f"{slot}: {', '.join(best)}" if slot else ", ".join(best))
        start += count
    return "; ".join(parts)


def main() -> None:
    facts = json.loads((FOLDER / "export.json").read_text(encoding="utf-8"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(FOLDER / "model.onnx"), options, providers=["CPUExecutionProvider"])
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
        print(f"{path}: {said(output, facts)}")


if __name__ == "__main__":
    main()
