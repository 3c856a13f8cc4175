"""The points that an analysis was made of, kept beside it: an array a hidden state, and what is known of each point."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import atomic
from ..corpora.manifest import Utterance
from ..errors import ArtifactError
from ..outputs import check_output, mark
from ..upstreams.config import FINAL_NORMS
from .points import PointStore

KIND = "points"
#: What a damaged archive raises; RuntimeError where an entry is encrypted or compressed in a way that is not known.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError, zipfile.BadZipFile)


@dataclass(frozen=True)
class KeptPoints:
    """Pooled hidden states, one point an utterance and state.

    Attributes:
        analysis_key: the key of the analysis that was made of them.
        depths: for each array how many transformer layers it has behind it.
        states: one ``[points, dim]`` float32 array a depth, shallowest first.
        columns: what is known of every point: its file, its speaker where known, each label of the corpus. An empty
            text where a point lacks it.
        between: ``[2, states, states]``, the mean over all frames of two states' cosine, and of their angle in half
            turns; None where states differ in width or rate.
        normed: where only the last state passes the encoder's last LayerNorm: the points of all states behind it, as
            `states`. Empty where there is no such LayerNorm.
        final_norm: what becomes of it in the family's cuts, ``"keep"`` or ``"drop"``; None where there is none.
    """

    analysis_key: str
    depths: tuple[int, ...]
    states: tuple[np.ndarray, ...]
    columns: Mapping[str, Sequence[str]]
    between: np.ndarray | None = None
    normed: tuple[np.ndarray, ...] = ()
    final_norm: str | None = None

    def write(self, path: str | Path) -> Path:
        """Write them, whole or not at all, as a NumPy archive without pickles."""
        path = check_output(path, KIND)
        about = {
            "format": mark(KIND),
            "analysis_key": self.analysis_key,
            "depths": self.depths,
            "final_norm": self.final_norm,
            "columns": {name: list(values) for name, values in self.columns.items()},
        }
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:  # what it is comes first, uncompressed, as `check_output` reads
            archive.writestr(zipfile.ZipInfo("about.json"), json.dumps(about))
            arrays = {f"state_{depth:03d}": state for depth, state in zip(self.depths, self.states, strict=True)}
            arrays |= {f"normed_{depth:03d}": state for depth, state in zip(self.depths, self.normed, strict=False)}
            if self.between is not None:
                arrays["between"] = self.between
            for name, values in arrays.items():
                array = io.BytesIO()
                np.lib.format.write_array(array, np.ascontiguousarray(values, dtype="<f4"), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), array.getvalue())
        return atomic.write_bytes(path, content.getvalue())

    @classmethod
    def read(cls, path: str | Path) -> KeptPoints:
        """Read them.

        Raises:
            ArtifactError: the file is missing, damaged or something else.
        """
        path = Path(path)
        if not path.is_file():
            raise ArtifactError(f"{path}: there are no kept points; 'analyze --keep-points' leaves them there")
        try:
            with zipfile.ZipFile(path) as archive:
                about = json.loads(archive.read("about.json"))
                if about["format"] != mark(KIND):
                    raise ValueError(f"it is {about['format']!r}")
                depths = tuple(int(depth) for depth in about["depths"])
                states = tuple(_array(archive, f"state_{depth:03d}") for depth in depths)
                between = _array(archive, "between", 3) if "between.npy" in archive.namelist() else None
                final_norm = about["final_norm"]
                if final_norm not in (None, *FINAL_NORMS):
                    raise ValueError(f"its final_norm is {final_norm!r}")
                normed = tuple(_array(archive, f"normed_{depth:03d}") for depth in depths if final_norm is not None)
            columns = {str(name): tuple(map(str, values)) for name, values in about["columns"].items()}
            lengths = {len(column) for column in columns.values()} | {len(state) for state in (*states, *normed)}
            if lengths != {len(states[0])}:
                raise ValueError("its columns and states are not of one length")
            if between is not None and between.shape != (2, len(depths), len(depths)):
                raise ValueError(f"'between' has the shape {between.shape}")
            return cls(str(about["analysis_key"]), depths, states, columns, between, normed, final_norm)
        except UNREADABLE as error:
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(f"{path}: is not the kept points of an analysis: {reason}") from error


def _array(archive: zipfile.ZipFile, name: str, dimensions: int = 2) -> np.ndarray:
    array = np.lib.format.read_array(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
    if array.dtype != np.dtype("<f4") or array.ndim != dimensions:
        raise ValueError(f"{name} is of type {array.dtype} and shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return array


def keep(
    store: PointStore,
    depths: Sequence[int | None],
    final_norm: str | None,
    sample: Sequence[Utterance],
    key: str,
    path: Path,
) -> None:
    """Leave the points of the states that a cut can end at, with all that the corpus says of each.

    Args:
        store: the points of every state.
        depths, final_norm: as `scoring.depths_of_points` gives them.
        sample: what the points are of.
        key: the analysis's.
        path: where they go.
    """
    kept = [k for k, depth in enumerate(depths) if depth is not None]
    n_states = len(depths) if final_norm is None else (len(depths) + 1) // 2
    columns = {
        name: [utterance.labels.get(name, "") for utterance in sample]
        for name in sorted({name for utterance in sample for name in utterance.labels})
    }
    columns.setdefault("speaker", [utterance.speaker or "" for utterance in sample])
    columns["file"] = [str(utterance.path) for utterance in sample]
    states = tuple(store.layer(k) for k in kept)
    rows = store.between()
    between = None if rows is None else gathered(rows, n_states, kept)
    behind = [*range(n_states, len(depths)), n_states - 1]  # the last state is behind the LayerNorm itself
    normed = () if final_norm is None else tuple(store.layer(behind[k]) for k in kept)
    kept_depths = tuple(depth for depth in depths if depth is not None)
    KeptPoints(key, kept_depths, states, columns, between, normed, final_norm).write(path)


def gathered(rows: np.ndarray, n_states: int, kept: Sequence[int]) -> np.ndarray:
    """The mean over all frames of all utterances, every frame weighing the same.

    Args:
        rows: ``[utterances, S (S - 1) + 1]``: an utterance's means as `alike` orders them, then its frames.
        n_states: S.
        kept: which states, in order.

    Returns:
        ``[2, kept, kept]``: mean cosines, and mean angles in half turns.
    """
    cosines, angles = np.split(np.average(rows[:, :-1], axis=0, weights=rows[:, -1]), 2)
    found = np.stack([np.eye(n_states), np.zeros((n_states, n_states))])
    first, second = np.triu_indices(n_states, 1)
    for matrix, values in zip(found, (cosines, angles), strict=True):
        matrix[first, second] = matrix[second, first] = values
    return found[:, kept][:, :, kept]


def kept_for(analysis: str | Path, key: str) -> bool:
    """Whether the points of the analysis with this key lie beside it."""
    try:
        return KeptPoints.read(points_path(analysis)).analysis_key == key
    except ArtifactError:
        return False


def points_path(analysis: str | Path) -> Path:
    """Where an analysis's points are kept.

    >>> points_path("words.json").name
    'words.points.npz'
    """
    return Path(analysis).with_suffix(".points.npz")
