"""Convexity-based pruning of speech upstreams, as a plugin for s3prl and SUPERB.

>>> import s3prl_convexprune as cp
>>> cp.__version__
'0.1.0'
>>> "analyze" in dir(cp)
True

Every verb of the command line is a function here, with the verb's arguments. Importing the package arranges that
s3prl, imported before or after it, runs on this stack and knows the pruned upstreams' names; it imports neither s3prl
nor torch by itself: each name below is imported when it is first used.
"""

from __future__ import annotations

from . import _plugin

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .analysis.analyze import analyze as analyze
    from .analysis.corpora import open_corpus as open_corpus
    from .analysis.manifest import Utterance as Utterance
    from .analysis.manifest import read_manifest as read_manifest
    from .analysis.plot import draw_curve as draw_curve
    from .analysis.select import Selected as Selected
    from .analysis.select import select as select
    from .artifact import Analysis as Analysis
    from .artifact import Choice as Choice
    from .convexity import GraphConvexity as GraphConvexity
    from .convexity import graph_convexity as graph_convexity
    from .errors import ArtifactError as ArtifactError
    from .errors import AudioError as AudioError
    from .errors import CheckpointError as CheckpointError
    from .errors import ConfigError as ConfigError
    from .errors import ConvexPruneError as ConvexPruneError
    from .errors import CorpusError as CorpusError
    from .errors import DataError as DataError
    from .errors import DepthError as DepthError
    from .errors import InstallationError as InstallationError
    from .errors import OutputError as OutputError
    from .errors import UnknownUpstreamError as UnknownUpstreamError
    from .experiments.engine import run_study as run_study
    from .experiments.study_file import read_study as read_study
    from .names import upstream_names as upstream_names
    from .pruning.export import Export as Export
    from .pruning.prune import prune_upstream as prune_upstream
    from .registry import build_upstream as build_upstream
    from .speechbrain import PrunedUpstream as PrunedUpstream
    from .superb.grid import GridReport as GridReport
    from .superb.grid import run as run
    from .superb.profile import Profile as Profile
    from .superb.profiling import profile as profile
    from .superb.result import Result as Result
    from .verbs import Board as Board
    from .verbs import export as export
    from .verbs import finetune as finetune
    from .verbs import leaderboard as leaderboard

_MODULES = {
    "analysis.analyze": ("analyze",),
    "analysis.corpora": ("open_corpus",),
    "analysis.manifest": ("Utterance", "read_manifest"),
    "analysis.plot": ("draw_curve",),
    "analysis.select": ("Selected", "select"),
    "artifact": ("Analysis", "Choice"),
    "convexity": ("GraphConvexity", "graph_convexity"),
    "errors": (
        "ArtifactError",
        "AudioError",
        "CheckpointError",
        "ConfigError",
        "ConvexPruneError",
        "CorpusError",
        "DataError",
        "DepthError",
        "InstallationError",
        "OutputError",
        "UnknownUpstreamError",
    ),
    "experiments.engine": ("run_study",),
    "experiments.study_file": ("read_study",),
    "names": ("upstream_names",),
    "pruning.export": ("Export",),
    "pruning.prune": ("prune_upstream",),
    "registry": ("build_upstream",),
    "speechbrain": ("PrunedUpstream",),
    "superb.grid": ("GridReport", "run"),
    "superb.profile": ("Profile",),
    "superb.profiling": ("profile",),
    "superb.result": ("Result",),
    "verbs": ("Board", "export", "finetune", "leaderboard"),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(["__version__", *_WHERE])


if not TYPE_CHECKING:  # which would let any name pass

    def __getattr__(name: str) -> Any:
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__


_plugin.start()
