"""Standard errors against simulation: draw the points again and again and see how much the scores really move."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import GraphConvexity, graph_convexity, probability_best

CENTRES = np.random.default_rng(5).normal(size=(5, 8))


def draw(seed: int, n: int, noise: tuple[float, ...] = (1.0,), distance: float = 0.8) -> list[GraphConvexity]:
    """Fresh points of five classes, seen by one "layer" for each noise; layers share most of what is random."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 5
    shared = CENTRES[labels] * distance + 0.9 * rng.normal(size=(n, 8))
    return [graph_convexity(shared + 0.45 * s * rng.normal(size=(n, 8)), labels, n_threads=1) for s in noise]


@pytest.mark.parametrize("distance", [0.4, 0.8, 1.2])
def test_standard_error_of_a_score(distance: float) -> None:
    """Within a third of the truth; 80 draws tell the truth to about 8 %."""
    results = [draw(seed, 200, distance=distance)[0] for seed in range(80)]
    truth = np.std([r.score for r in results], ddof=1)
    assert 0.8 < np.sqrt(np.mean([r.sem**2 for r in results])) / truth < 1.4
    truth = np.sqrt(np.var([list(r.per_class.values()) for r in results], axis=0, ddof=1).mean())
    claim = np.sqrt(np.mean([np.square(list(r.per_class_sem.values())) for r in results]))
    assert 0.75 < claim / truth < 1.4


def test_difference_of_two_layers_on_the_same_points() -> None:
    """Layers move together, so their difference is surer than two separate errors would say."""
    pairs = [draw(seed, 200, noise=(1.0, 1.4)) for seed in range(80)]
    truth = np.std([a.score - b.score for a, b in pairs], ddof=1)
    paired = np.sqrt(np.mean([((a.influence - b.influence) ** 2).sum() for a, b in pairs]))
    separate = np.sqrt(np.mean([a.sem**2 + b.sem**2 for a, b in pairs]))
    assert 0.75 < paired / truth < 1.5
    assert paired < 0.9 * separate


def test_probability_best_is_neither_timid_nor_bold() -> None:
    """Averaged over draws, the probability given to the layer that is truly best is near how often it scores best."""
    pairs = [draw(seed, 150, noise=(1.4, 1.0)) for seed in range(60)]
    often = np.mean([b.score > a.score for a, b in pairs])
    claimed = np.mean([probability_best(pair, seed=0, draws=2000)[1] for pair in pairs])
    assert 0.6 < often < 1
    assert claimed == pytest.approx(often, abs=0.2)


@pytest.fixture(scope="module")
def population() -> tuple[np.ndarray, np.ndarray, GraphConvexity]:
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 3
    points = rng.normal(size=(3, 6))[labels] * 0.7 + rng.normal(size=(600, 6))
    return points, labels, graph_convexity(points, labels)


@pytest.mark.parametrize("max_sources", [20, 60])
def test_sampling_sources(population: tuple[np.ndarray, np.ndarray, GraphConvexity], max_sources: int) -> None:
    """The estimate from some sources is centred on the exact score and off by what it says."""
    points, labels, exact = population
    drawn = [graph_convexity(points, labels, max_sources=max_sources, seed=seed) for seed in range(60)]
    errors = np.array([r.score for r in drawn]) - exact.score
    claim = np.sqrt(np.mean([r.sampling_sem**2 for r in drawn]))
    assert abs(errors.mean()) < 4 * errors.std(ddof=1) / np.sqrt(len(errors))
    assert 0.7 < claim / errors.std(ddof=1) < 2.0
    assert drawn[0].n_pairs == 3 * max_sources * 199
    assert all(r.sem > r.sampling_sem > 0 for r in drawn)


def test_sampling_is_seeded_and_exact_when_it_takes_all(
    population: tuple[np.ndarray, np.ndarray, GraphConvexity],
) -> None:
    points, labels, exact = population
    again = [graph_convexity(points, labels, max_sources=30, seed=3).score for _ in range(2)]
    assert again[0] == again[1] != graph_convexity(points, labels, max_sources=30, seed=4).score
    everything = graph_convexity(points, labels, max_sources=200)
    assert everything.score == exact.score and everything.sampling_sem == 0.0
