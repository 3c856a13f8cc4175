"""Convexity-based pruning of speech upstreams, as a plugin for s3prl and SUPERB.

>>> import s3prl_convexprune
>>> s3prl_convexprune.__version__
'0.1.0'

Importing the package arranges that s3prl, imported before or after it, runs on this stack and knows the pruned
upstreams' names; it imports neither s3prl nor torch by itself.
"""

from __future__ import annotations

from . import _plugin

__version__ = "0.1.0"

_PUBLIC = {
    "Analysis": "artifact",
    "analyze": "analysis.analyze",
    "build_upstream": "registry",
    "graph_convexity": "convexity",
    "prune_upstream": "pruning.prune",
    "read_manifest": "analysis.manifest",
    "select": "analysis.select",
    "upstream_names": "names",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> object:
    if name in _PUBLIC:
        import importlib

        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_plugin.start()
