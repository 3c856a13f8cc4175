"""How convex the classes of a set of points are: exact graph convexity, its certainty, and what to compare it with.

Points and labels in, numbers out; nothing here knows about speech, torch or s3prl. What is asked for is imported, so
that reading and comparing results does not load the machinery that computes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3prl_convexprune.convexity.accuracy import knn_accuracy as knn_accuracy
    from s3prl_convexprune.convexity.accuracy import probe_accuracy as probe_accuracy
    from s3prl_convexprune.convexity.flat import Flatness as Flatness
    from s3prl_convexprune.convexity.flat import flatness as flatness
    from s3prl_convexprune.convexity.graph import NeighborGraph as NeighborGraph
    from s3prl_convexprune.convexity.result import GraphConvexity as GraphConvexity
    from s3prl_convexprune.convexity.score import compile_kernels as compile_kernels
    from s3prl_convexprune.convexity.score import graph_convexity as graph_convexity
    from s3prl_convexprune.convexity.selection import choose_layer as choose_layer
    from s3prl_convexprune.convexity.selection import probability_best as probability_best
    from s3prl_convexprune.convexity.similarity import linear_cka as linear_cka
    from s3prl_convexprune.convexity.similarity import mean_cosine as mean_cosine
    from s3prl_convexprune.convexity.similarity import mutual_knn as mutual_knn

_MODULES = {
    "accuracy": ("knn_accuracy", "probe_accuracy"),
    "flat": ("Flatness", "flatness"),
    "graph": ("NeighborGraph",),
    "result": ("GraphConvexity",),
    "score": ("compile_kernels", "graph_convexity"),
    "selection": ("choose_layer", "probability_best"),
    "similarity": ("linear_cka", "mean_cosine", "mutual_knn"),
}

if not TYPE_CHECKING:  # which would let any name pass
    __all__ = sorted(name for names in _MODULES.values() for name in names)

    def __getattr__(name):
        from s3prl_convexprune._lazy import first_use

        return first_use(__name__, _MODULES, name)

    def __dir__():
        return __all__
