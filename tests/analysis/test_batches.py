"""What a batch may hold: audio up to a limit, padding up to a share, clips in order of length."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.analysis.batches import MOST_PADDING, Batching, Clip, Lengths, plan_batches


def planned(samples: list[int], batching: Batching) -> list[list[int]]:
    """The lengths that go together."""
    clips = [Clip(Path(f"{number}.wav")) for number in range(len(samples))]
    of = {clip: (length, length, 16_000) for clip, length in zip(clips, samples, strict=True)}
    lengths = Lengths({clip: (number,) for number, clip in enumerate(clips)}, of, dict.fromkeys(clips, 0))
    return [[of[clip][0] for clip in batch.clips] for batch in plan_batches(lengths, batching)]


def fits(batch: list[int], batching: Batching) -> bool:
    whole = len(batch) * max(batch)
    return whole <= batching.seconds * 16_000 and whole - sum(batch) <= batching.most_padding * whole


@given(
    samples=st.lists(st.integers(400, 200_000), min_size=1, max_size=60),
    seconds=st.sampled_from([4.0, 32.0]),
    most_padding=st.sampled_from([0.0, MOST_PADDING, 0.5, 1.0]),
)
def test_a_padded_batch_is_as_full_as_its_limits_let_it_be(samples, seconds, most_padding):
    batching = Batching(padded=True, seconds=seconds, most_padding=most_padding)
    batches = planned(samples, batching)
    assert [length for batch in batches for length in batch] == sorted(samples)
    assert all(fits(batch, batching) or len(batch) == 1 for batch in batches)
    assert not any(fits([*batch, after[0]], batching) for batch, after in pairwise(batches))


@pytest.mark.parametrize(
    "batching, expected",
    [
        (Batching(padded=True), [[100, 104, 109], [119], [200, 200]]),
        (Batching(padded=True, most_padding=1.0), [[100, 104, 109, 119, 200, 200]]),
        (Batching(padded=True, longest=104), [[100, 104], [109], [119], [200, 200]]),
        (Batching(padded=False), [[100], [104], [109], [119], [200, 200]]),
    ],
)
def test_which_lengths_share_a_batch(batching, expected):
    assert planned([200, 119, 100, 109, 104, 200], batching) == expected
