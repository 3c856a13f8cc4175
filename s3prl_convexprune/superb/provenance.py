"""Where the depth of a cut comes from, for whatever reports a number of it."""

from __future__ import annotations

from typing import Any

from ..config import UpstreamConfig
from ..errors import UnknownUpstreamError
from ..fingerprint import file_sha256
from .result import Depth

TEXTS = ("policy", "label", "corpus", "corpus_fingerprint", "weights_sha256", "analysis_key")


def depth_of(upstream: str) -> Depth | None:
    """What is known of an upstream's depth.

    Args:
        upstream: a name on s3prl's hub.

    Returns:
        None for a whole upstream.
    """
    from ..registry import resolve

    try:
        config = resolve(upstream)
    except UnknownUpstreamError:
        return None
    known, stated = _split(config.provenance)
    if config.select:
        known |= {"policy": config.select.policy, "max_macs": config.select.max_macs}
        known |= {
            "analysis": str(config.select.analysis),
            "analysis_sha256": file_sha256(config.select.analysis),
        }
    return Depth(
        base=config.base, task=config.task, config=_file_name(config), stated=stated or None, **known
    )


def _file_name(config: UpstreamConfig) -> str | None:
    return config.path.name if config.path else None


def _split(provenance: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What `select` writes into a config's provenance, and what somebody wrote there by hand."""
    known: dict[str, Any] = {}
    stated: dict[str, str] = {}
    for key, value in provenance.items():
        if key in TEXTS and isinstance(value, str):
            known[key] = value
        elif key == "max_macs" and isinstance(value, (int, float)) and 0 < value <= 1:
            known[key] = float(value)
        elif value is not None:
            stated[str(key)] = str(value)
    return known, stated
