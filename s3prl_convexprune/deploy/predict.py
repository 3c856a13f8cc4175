"""An exported folder in use: waveforms in, labels with probabilities out. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArtifactError, AudioError, InstallationError
from .exported import Exported, check_graph, read_exported


class Predictor:
    """What an exported folder computes.

    Args:
        folder: what `export --format onnx` wrote.
        threads: how many the graph may use; all of them when None.

    Raises:
        ArtifactError: it is no such folder, or its graph was changed.
        InstallationError: onnxruntime is not installed.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        self.folder, self.facts = Path(folder), read_exported(folder)
        if find_spec("onnxruntime") is None:
            raise InstallationError("predict needs onnxruntime; pip install 's3prl-convexprune[onnx]'")
        graph = check_graph(self.folder, self.facts)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session: Any = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    def output(self, wav: np.ndarray) -> np.ndarray:
        """What the graph gives for one waveform `[samples]`, 16 kHz.

        Raises:
            AudioError: it is too short, or not one waveform.
        """
        wav = np.asarray(wav, dtype=np.float32)
        if wav.ndim != 1 or len(wav) < self.facts.shortest:
            raise AudioError(
                f"a waveform of shape {list(wav.shape)}: expected one of {self.facts.shortest} samples or more"
            )
        return np.asarray(self._session.run(None, {"wav": wav[None]})[0])

    def __call__(self, wav: np.ndarray) -> dict[str, float]:
        """Label -> probability for one waveform `[samples]`, 16 kHz, the likeliest first.

        Raises:
            AudioError: see `output`.
            ArtifactError: the folder was exported without a head.
        """
        facts: Exported = self.facts
        if not facts.labels:
            raise ArtifactError(f"{self.folder}: was exported without a head; it has states and no labels: use output")
        logits = self.output(wav)[0]
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        return {facts.labels[at]: float(chances[at]) for at in np.argsort(-chances, kind="stable")}


def load(folder: str | Path, threads: int | None = None) -> Predictor:
    """An exported folder, ready to be called; see `Predictor`."""
    return Predictor(folder, threads)


def predict(
    folder: str | Path, wav: Sequence[str | Path], *, top: int = 3, threads: int | None = None
) -> dict[str, dict[str, float]]:
    """The likeliest labels of audio files.

    Args:
        folder: what `export --format onnx --head` wrote.
        wav: audio files, in any format.
        top: labels a file.
        threads: how many the graph may use; all of them when None.

    Returns:
        File -> label -> probability, the likeliest first.

    Raises:
        ArtifactError: see `Predictor`.
        AudioError: a file cannot be read, or is too short.
    """
    from ..corpora.audio import load_audio

    predictor = load(folder, threads)
    return {str(path): dict(list(predictor(load_audio(path)).items())[:top]) for path in wav}
