"""An exported folder in use: waveforms in, labels with probabilities or text out. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArtifactError, AudioError, InstallationError
from .answer import Answer, answer_of, likeliest
from .exported import check_graph, read_exported


class Predictor:
    """What an exported folder computes.

    Args:
        folder: what `export --format onnx` wrote.
        threads: how many the graph may use; all of them when None.

    Raises:
        ArtifactError: it is no such folder, or its graph was changed, is damaged or takes something else.
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
        with _explained(graph, "loaded"):
            self._session: Any = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        inputs = [given.name for given in self._session.get_inputs()]
        if inputs != ["wav"]:
            raise ArtifactError(f"{graph}: takes {', '.join(inputs)}; expected wav alone")

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
        with _explained(self.folder, "run"):
            return np.asarray(self._session.run(None, {"wav": wav[None]})[0])

    def __call__(self, wav: np.ndarray) -> Answer:
        """What is said in one waveform `[samples]`, 16 kHz.

        Returns:
            Label -> probability, the likeliest first; slot -> the same, for an intent; text, for speech recognition.

        Raises:
            AudioError: see `output`.
            ArtifactError: the folder was exported without a head, or its graph has not the head's labels.
        """
        if not self.facts.labels:
            raise ArtifactError(f"{self.folder}: was exported without a head; it has states and no labels: use output")
        logits = self.output(wav)[0]
        if logits.shape[-1] != len(self.facts.labels):
            raise ArtifactError(f"{self.folder}: gives {logits.shape[-1]} numbers for {len(self.facts.labels)} labels")
        return answer_of(logits, self.facts)


@contextmanager
def _explained(what: Path, done: str) -> Iterator[None]:
    """onnxruntime's errors, which have no base of their own, in one line that names the file."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(f"{what}: cannot be {done} by onnxruntime: {reason}") from error


def load(folder: str | Path, threads: int | None = None) -> Predictor:
    """An exported folder, ready to be called; see `Predictor`."""
    return Predictor(folder, threads)


def predict(
    folder: str | Path, wav: Sequence[str | Path], *, top: int = 3, threads: int | None = None
) -> dict[str, Answer]:
    """The likeliest labels of audio files, or their text.

    Args:
        folder: what `export --format onnx --head` wrote.
        wav: audio files, in any format.
        top: labels a file, or a slot.
        threads: how many the graph may use; all of them when None.

    Returns:
        File -> what `Predictor` says of it, of the labels the likeliest.

    Raises:
        ArtifactError: see `Predictor`.
        AudioError: a file cannot be read, or is too short.
    """
    from ..corpora.audio import load_audio

    predictor = load(folder, threads)
    return {str(path): likeliest(predictor(load_audio(path)), top) for path in wav}
