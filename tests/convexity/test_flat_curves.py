"""When a curve is flat: the rule against simulation, with layers that are and that are not equally convex."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import GraphConvexity, flatness, graph_convexity
from tests.convexity.test_leaving_groups_out import speech
from tests.convexity.test_selection import layer


def curve(seed: int, noises: tuple[float, ...], speakers: int = 10) -> list[GraphConvexity]:
    """Layers that share the speech and add noise of their own; equally convex in expectation where noise is equal."""
    points, words, people = speech(seed, speakers)
    rng = np.random.default_rng(1000 + seed)
    return [
        graph_convexity(points + noise * rng.normal(size=points.shape), words, 5, groups=people, n_threads=1)
        for noise in noises
    ]


def test_equally_convex_layers_are_undecided_about_19_times_in_20() -> None:
    undecided = [flatness(curve(seed, (0.5,) * 4)).undecided for seed in range(30)]
    assert np.mean(undecided) >= 0.85


def test_layers_that_differ_are_decided() -> None:
    decided = [not flatness(curve(seed, (0.2, 0.2, 3.0))).undecided for seed in range(10)]
    assert np.mean(decided) >= 0.9


def test_one_number_of_each_kind() -> None:
    two = [layer(70.0, [3.0, 0.0]), layer(76.0, [0.0, 4.0])]  # their difference errs by 5, normally
    flat = flatness(two)
    assert flat.range == pytest.approx(6) and flat.error == pytest.approx(5 * 1.96, rel=0.03)
    assert flat.noise == pytest.approx(5 * 0.6745, rel=0.03) and flat.undecided
    assert flat.times_as_many == pytest.approx(flat.error**2 / (36 - flat.noise**2))
    assert flat.needed(100) == int(np.ceil(100 * flat.times_as_many))


def test_what_noise_explains_names_no_number() -> None:
    assert flatness([layer(70.0, [3.0, 0.0]), layer(71.0, [0.0, 4.0])]).needed(100) is None


def test_layers_that_err_together_decide_sooner() -> None:
    assert not flatness([layer(70.0, [9.0, 0.0]), layer(71.0, [9.0, 0.1])]).undecided
