"""What a number was made with, and where the depth of its cut comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import UnknownUpstreamError
from ..fingerprint import file_sha256
from ..schema import Part, Positive, Sha256
from ..upstreams.config import UpstreamConfig


@dataclass(frozen=True)
class Depth(Part):
    """Where the depth of a cut comes from.

    Attributes:
        base: the upstream that it is a cut of.
        task: the task whose labels chose the depth, when one did.
        config: file name of the upstream config.
        policy, max_macs: the rule that chose.
        label, corpus, corpus_fingerprint, weights_sha256: what it was measured on.
        analysis, analysis_sha256: the artifact that the config names.
        analysis_key: `settings.key` of the analysis.
        stated: what else the config's provenance says.
    """

    base: str
    task: str | None = None
    config: str | None = None
    policy: str | None = None
    max_macs: Positive | None = None
    label: str | None = None
    corpus: str | None = None
    corpus_fingerprint: str | None = None
    weights_sha256: str | None = None
    analysis: str | None = None
    analysis_sha256: Sha256 | None = None
    analysis_key: str | None = None
    stated: dict[str, str] | None = None


@dataclass(frozen=True)
class Provenance(Part):
    """What a number was made with.

    Attributes:
        command: the program and its arguments.
        recipe: file name of the recipe or hyperparameter file.
        recipe_sha256: of its content.
        overrides: ``key=value`` that replace the recipe's.
        ckpt: the checkpoint that was given.
        device: where it ran.
        versions: package -> version.
        upstream_sha256: of the weights that the upstream began with.
        precision: of fine-tuning.
        manifests: fingerprint of the SpeechBrain manifests.
        config: s3prl's whole configuration as it ran.
        depth: where a cut's depth comes from; None for a whole upstream.
    """

    command: tuple[str, ...]
    recipe: str
    recipe_sha256: Sha256
    overrides: tuple[str, ...]
    ckpt: str | None
    device: str
    versions: dict[str, str]
    upstream_sha256: Sha256
    precision: str | None = None
    manifests: str | None = None
    config: dict[str, Any] | None = None
    depth: Depth | None = None


TEXTS = ("policy", "label", "corpus", "corpus_fingerprint", "weights_sha256", "analysis_key")


def depth_of(upstream: str) -> Depth | None:
    """What is known of an upstream's depth.

    Args:
        upstream: a name on s3prl's hub.

    Returns:
        None for a whole upstream.
    """
    from ..upstreams.registry import resolve

    try:
        config = resolve(upstream)
    except UnknownUpstreamError:
        return None
    known, stated = _split(config.provenance)
    if config.select:
        limits = config.select.budget.limits() if config.select.budget else {}
        known |= {"policy": config.select.policy, "max_macs": limits.pop("max_macs", None)}
        stated |= {name: f"{limit:g}" for name, limit in limits.items()}
        known |= {"analysis": str(config.select.analysis), "analysis_sha256": file_sha256(config.select.analysis)}
    return Depth(base=config.base, task=config.task, config=_file_name(config), stated=stated or None, **known)


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


def identity(upstream: Any) -> tuple[int, str]:
    """Parameters and weights hash of a runner's upstream, also where a shared one stands for it."""
    from ..fingerprint import weights_sha256
    from ..upstreams.cost import count_params

    if hasattr(upstream, "stands_for"):
        return upstream.stands_for
    return count_params(upstream), weights_sha256(upstream)
