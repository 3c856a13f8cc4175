"""Convexity-based pruning of speech upstreams, as a plugin for s3prl and SUPERB."""

__version__ = "0.1.0"
