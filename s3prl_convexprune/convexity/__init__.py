"""How convex the classes of a set of points are: exact graph convexity, its certainty, and what to compare it with.

Points and labels in, numbers out; nothing here knows about speech, torch or s3prl.
"""

from s3prl_convexprune.convexity.accuracy import knn_accuracy, probe_accuracy
from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.score import GraphConvexity, compile_kernels, graph_convexity
from s3prl_convexprune.convexity.selection import choose_layer, probability_best
from s3prl_convexprune.convexity.similarity import linear_cka, mean_cosine, mutual_knn

__all__ = [
    "GraphConvexity",
    "NeighborGraph",
    "choose_layer",
    "compile_kernels",
    "graph_convexity",
    "knn_accuracy",
    "linear_cka",
    "mean_cosine",
    "mutual_knn",
    "probability_best",
    "probe_accuracy",
]
