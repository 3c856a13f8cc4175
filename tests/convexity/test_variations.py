"""The same points measured otherwise: each number is what measuring that alone gives."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import graph_convexity
from s3prl_convexprune.convexity.variations import variations
from tests.convexity.test_leaving_groups_out import speech

POINTS, WORDS, PEOPLE = speech()


def test_twenty_ways_each_as_it_would_be_measured_alone() -> None:
    found = variations(POINTS, WORDS, 6, groups=PEOPLE)
    assert len(found) == 20
    forms = {
        "": POINTS,
        ", z-scored": (POINTS - POINTS.mean(axis=0)) / POINTS.std(axis=0),
        ", unit norm": POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True),
    }
    for name, form in forms.items():
        for k in (5, 10, 20, 40):
            assert found[f"K={k}{name}"] == pytest.approx(graph_convexity(form, WORDS, k).score, abs=1e-6)


def test_halves_are_halves_of_the_groups() -> None:
    found = variations(POINTS, WORDS, 6, groups=PEOPLE)
    halves = [kept for a in range(6) for b in range(a) for c in range(b) for kept in [np.isin(PEOPLE, (a, b, c))]]
    possible = [graph_convexity(POINTS[kept], WORDS[kept], 6).score for kept in halves]
    for name in [name for name in found if name.startswith("half")]:
        assert min(abs(found[name] - score) for score in possible) < 1e-9


def test_what_the_points_are_too_few_for_is_left_out() -> None:
    found = variations(POINTS[:9], WORDS[:9], 3)
    assert set(found) == {"K=5", "K=5, z-scored", "K=5, unit norm"}
    assert variations(POINTS, WORDS, 6, seed=2) == variations(POINTS, WORDS, 6, seed=2)
