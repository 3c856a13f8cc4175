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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .analysis.analyze import analyze as analyze
    from .analysis.analyze_all import analyze_all as analyze_all
    from .analysis.measure_all import Analyses as Analyses
    from .analysis.plot import draw_curve as draw_curve
    from .analysis.plot import plot as plot
    from .analysis.screen import Screen as Screen
    from .analysis.screen import screen as screen
    from .analysis.select import Selected as Selected
    from .analysis.select import select as select
    from .analysis.team import Jobs as Jobs
    from .artifact import Analysis as Analysis
    from .artifact import Choice as Choice
    from .convexity import GraphConvexity as GraphConvexity
    from .convexity import graph_convexity as graph_convexity
    from .corpora import open_corpus as open_corpus
    from .corpora.manifest import Utterance as Utterance
    from .corpora.manifest import read_manifest as read_manifest
    from .deploy.predict import Predictor as Predictor
    from .deploy.predict import load as load
    from .deploy.predict import predict as predict
    from .deploy.profile_exported import profile_exported as profile_exported
    from .deploy.streaming import Heard as Heard
    from .deploy.streaming import stream as stream
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
    from .errors import UndecidedError as UndecidedError
    from .errors import UnknownUpstreamError as UnknownUpstreamError
    from .experiments.cells.run import GridReport as GridReport
    from .experiments.engine import run_study as run_study
    from .experiments.finetune import finetune as finetune
    from .experiments.run import run as run
    from .experiments.study_file import read_study as read_study
    from .results.result import Result as Result
    from .speechbrain import PrunedUpstream as PrunedUpstream
    from .upstreams.export import Export as Export
    from .upstreams.names import upstream_names as upstream_names
    from .upstreams.profile import Profile as Profile
    from .upstreams.profiling import profile as profile
    from .upstreams.prune import prune_upstream as prune_upstream
    from .upstreams.registry import build_upstream as build_upstream
    from .upstreams.timing_depths import time_depths as time_depths
    from .verbs import Board as Board
    from .verbs import export as export
    from .verbs import leaderboard as leaderboard
    from .versions import __version__ as __version__

_MODULES = {
    "analysis.analyze": ("analyze",),
    "analysis.analyze_all": ("analyze_all",),
    "analysis.measure_all": ("Analyses",),
    "corpora": ("open_corpus",),
    "corpora.manifest": ("Utterance", "read_manifest"),
    "analysis.plot": ("draw_curve", "plot"),
    "analysis.screen": ("Screen", "screen"),
    "analysis.select": ("Selected", "select"),
    "analysis.team": ("Jobs",),
    "artifact": ("Analysis", "Choice"),
    "convexity": ("GraphConvexity", "graph_convexity"),
    "deploy.predict": ("Predictor", "load", "predict"),
    "deploy.profile_exported": ("profile_exported",),
    "deploy.streaming": ("Heard", "stream"),
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
        "UndecidedError",
        "UnknownUpstreamError",
    ),
    "experiments.cells.run": ("GridReport",),
    "experiments.engine": ("run_study",),
    "experiments.finetune": ("finetune",),
    "experiments.run": ("run",),
    "experiments.study_file": ("read_study",),
    "upstreams.names": ("upstream_names",),
    "upstreams.timing_depths": ("time_depths",),
    "upstreams.export": ("Export",),
    "upstreams.prune": ("prune_upstream",),
    "upstreams.registry": ("build_upstream",),
    "speechbrain": ("PrunedUpstream",),
    "upstreams.profile": ("Profile",),
    "upstreams.profiling": ("profile",),
    "results.result": ("Result",),
    "versions": ("__version__",),
    "verbs": ("Board", "export", "leaderboard"),
}

if not TYPE_CHECKING:  # which would let any name pass
    __all__ = sorted(name for names in _MODULES.values() for name in names)

    def __getattr__(name):
        from ._lazy import first_use

        return first_use(__name__, _MODULES, name)

    def __dir__():
        return __all__


_plugin.start()
