"""Graph convexity from its definition, with networkx and plain loops; nothing here comes from the package."""

from __future__ import annotations

import math
from itertools import permutations

import networkx as nx
import numpy as np

TIE = 1e-9


def distances(points: np.ndarray) -> np.ndarray:
    """All distances, as differences in float64."""
    points = np.asarray(points, dtype=np.float64)
    return np.array([[math.dist(a, b) for b in points] for a in points])


def neighbor_graph(points: np.ndarray, k: int, across: list | None = None) -> nx.Graph:
    """An edge where either end is as near to the other as its K-th neighbour, both of other groups if there are any."""
    d = distances(points)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(d)))
    for i in range(len(d)):
        others = np.delete(np.arange(len(d)), i)
        if across is not None:
            others = np.array([j for j in others if across[j] != across[i]])
        farthest = np.sort(d[i, others])[k - 1] * (1 + TIE)
        graph.add_edges_from((i, int(j), {"weight": d[i, j]}) for j in others if d[i, j] <= farthest)
    return graph


def share(path: list[int], labels: list) -> float:
    """The share of the interior vertices that have the class of the ends."""
    interior = path[1:-1]
    return sum(labels[v] == labels[path[0]] for v in interior) / len(interior) if interior else 1.0


def pair_shares(points: np.ndarray, labels: list, k: int, across: list | None = None) -> np.ndarray:
    """Every ordered pair's share where no two paths are equally short; NaN for pairs of different classes."""
    graph = neighbor_graph(points, k, across)
    shares = np.full((len(labels), len(labels)), np.nan)
    for source in range(len(labels)):
        paths = nx.single_source_dijkstra_path(graph, source)
        for target in range(len(labels)):
            if target != source and labels[target] == labels[source]:
                shares[source, target] = share(paths[target], labels) if target in paths else 0.0
    return shares


def tied_pair_shares(points: np.ndarray, labels: list, k: int) -> dict[tuple[int, int], set[float]]:
    """Every ordered pair's share by the tie rule, from an enumeration of all simple paths: among the shortest those
    with the fewest edges, among these that with the fewest outsiders. Where equally long paths are made of
    different lengths, one share for each makeup: rounding may tell them apart."""
    graph = neighbor_graph(points, k)
    found = {}
    for a, b in permutations(range(len(labels)), 2):
        if labels[a] != labels[b]:
            continue
        paths = list(nx.all_simple_paths(graph, a, b))
        if not paths:
            found[a, b] = {0.0}
            continue
        makeups = [tuple(sorted(graph[u][v]["weight"] for u, v in nx.utils.pairwise(p))) for p in paths]
        shortest = min(map(math.fsum, makeups))
        tied = [(p, m) for p, m in zip(paths, makeups, strict=True) if math.fsum(m) <= shortest + TIE]
        fewest = min(len(p) for p, _ in tied)
        best: dict[tuple, float] = {}
        for p, m in tied:
            if len(p) == fewest:
                best[m] = max(best.get(m, 0.0), share(p, labels))
        found[a, b] = set(best.values())
    return found
