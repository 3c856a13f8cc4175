"""The frame targets: k-means clusters of MFCCs, then of a model's own hidden states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torchaudio
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor
from transformers import HubertModel

from .audio import HOP, RECEPTIVE_FIELD, SAMPLE_RATE, Streams

_FIT_FRAMES = 200_000
_WINDOW_FRAMES, _WINDOWS_AT_ONCE = 500, 16


def mfcc_features(streams: Streams) -> Callable[[int], Tensor]:
    """13 MFCCs with first and second differences, one vector a HuBERT frame, normalised within the stream.

    Returns:
        A function from a stream's index to its features, shape (frames, 39).
    """
    mfcc = _mfcc(streams.samples.device)

    def features(index: int) -> Tensor:
        static = mfcc(streams.stream(index))
        first = torchaudio.functional.compute_deltas(static)
        second = torchaudio.functional.compute_deltas(first)
        frames = torch.cat([static, first, second])[:, ::2].T[: streams.frames[index]]
        return (frames - frames.mean(0)) / (frames.std(0) + 1e-5)

    return features


def voice_features(streams: Streams) -> Callable[[int], Tensor]:
    """12 MFCCs, without the energy, normalised over all streams together, so that voices stay apart.

    Returns:
        A function from a stream's index to its features, shape (frames, 12).
    """
    mfcc = _mfcc(streams.samples.device)

    def static(index: int) -> Tensor:
        return mfcc(streams.stream(index))[1:, ::2].T[: streams.frames[index]]

    count = sum(streams.frames)
    total = squares = torch.zeros(12, dtype=torch.float64, device=streams.samples.device)
    for index in range(len(streams.frames)):
        frames = static(index).double()
        total, squares = total + frames.sum(0), squares + frames.square().sum(0)
    mean = total / count
    deviation = (squares / count - mean**2).sqrt()
    return lambda index: ((static(index) - mean) / deviation).float()


def _mfcc(device: torch.device) -> torchaudio.transforms.MFCC:
    """13 MFCCs every 10 ms, in windows as wide as a HuBERT frame."""
    mel = {"n_fft": RECEPTIVE_FIELD, "hop_length": HOP // 2, "n_mels": 40, "center": False}
    return torchaudio.transforms.MFCC(SAMPLE_RATE, n_mfcc=13, melkwargs=mel).to(device)


def layer_features(streams: Streams, model: HubertModel, layer: int) -> Callable[[int], Tensor]:
    """A model's hidden state after `layer` transformer layers, computed in windows of ten seconds.

    Returns:
        A function from a stream's index to its features, shape (frames, hidden size).
    """

    length = (_WINDOW_FRAMES - 1) * HOP + RECEPTIVE_FIELD

    def states(windows: Tensor) -> Tensor:
        hidden = model(windows, output_hidden_states=True).hidden_states[layer]
        return hidden.float().flatten(0, 1)

    def features(index: int) -> Tensor:
        samples, count = streams.stream(index), streams.frames[index]
        whole = count // _WINDOW_FRAMES
        pieces = []
        if whole:
            windows = samples.unfold(0, length, _WINDOW_FRAMES * HOP)[:whole]
            pieces += [states(batch) for batch in windows.split(_WINDOWS_AT_ONCE)]
        if count % _WINDOW_FRAMES:
            pieces.append(states(samples[None, whole * _WINDOW_FRAMES * HOP :]))
        return torch.cat(pieces)

    model.eval()
    return features


@torch.inference_mode()
def cluster(streams: Streams, features: Callable[[int], Tensor], clusters: int, seed: int) -> Tensor:
    """k-means over all frames, and the cluster of every frame.

    Args:
        streams: the audio.
        features: a stream's index -> its frames' features.
        clusters: number of clusters.
        seed: of the draw of frames and of k-means.

    Returns:
        int64, shape (frames of all streams,), on the device of the audio.
    """
    vectors = np.concatenate([features(i).cpu().numpy().astype(np.float16) for i in range(len(streams.frames))])
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(len(vectors), min(_FIT_FRAMES, len(vectors)), replace=False))
    kmeans = MiniBatchKMeans(clusters, init="k-means++", n_init=3, max_iter=100, batch_size=10_000, random_state=seed)
    kmeans.fit(vectors[drawn].astype(np.float32))
    labels = np.concatenate(
        [kmeans.predict(part.astype(np.float32)) for part in np.array_split(vectors, len(vectors) // 500_000 + 1)]
    )
    return torch.from_numpy(labels.astype(np.int64)).to(streams.samples.device)
