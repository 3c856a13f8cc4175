"""The model card of an exported cut: what it is, why this deep, how it scores, whose it is, how to cite it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..artifact import Analysis
from ..errors import ArtifactError, ConfigError
from ..markdown import escape

_FAIRSEQ = ("mit", "fairseq publishes its models under its own licence, MIT")
_UNISPEECH = ("cc-by-sa-3.0", "the model's card on the Hugging Face hub points to UniSpeech's licence, CC BY-SA 3.0")
#: Hub entry -> the licence of its published weights, and where that is said. An entry whose licence is not
#: certain is not here: weights of third parties, and those of a corpus with terms of its own, as VoxPopuli's.
LICENCES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("hubert", "hubert_base", "hubert_large_ll60k"), _FAIRSEQ),
    **dict.fromkeys(("wav2vec2", "wav2vec2_base_960", "wav2vec2_large_960", "wav2vec2_large_ll60k"), _FAIRSEQ),
    **dict.fromkeys(("data2vec", "data2vec_base_960", "data2vec_large_ll60k"), _FAIRSEQ),
    **dict.fromkeys(("wavlm", "wavlm_base", "wavlm_base_plus", "wavlm_large"), _UNISPEECH),
    "tiny_hubert": ("apache-2.0", "the model that ships with s3prl-convexprune"),
}
UNKNOWN = ("unknown", "nothing here says what licence the base has: ask whoever gave you its checkpoint")

CITATION = """@misc{dorszewski2024convexity,
  title = {Convexity-based Pruning of Speech Representation Models},
  author = {Dorszewski, Teresa and T\\v{e}tkov\\'a, Lenka and Hansen, Lars Kai},
  year = {2024},
  eprint = {2408.11858},
  archivePrefix = {arXiv}
}"""


@dataclass(frozen=True)
class Card:
    """What a model card says.

    Attributes:
        name: of the cut.
        base: the upstream that was cut.
        layers: how many transformer layers it has.
        whole: how many the whole upstream has.
        licence: identifier, and where that is known from.
        use: a python snippet that loads it.
        loaded_by: what loads it, as the Hugging Face hub calls it.
        provenance: what the config says about the choice of depth.
        analysis: the measurement that chose it.
        scores: a table of measured scores, in Markdown.
    """

    name: str
    base: str
    layers: int
    whole: int
    licence: tuple[str, str]
    use: str
    loaded_by: str = "transformers"
    provenance: dict[str, Any] = field(default_factory=dict)
    analysis: Analysis | None = None
    scores: str | None = None

    def markdown(self) -> str:
        """The card, as README.md of a model repository."""
        head = {
            "license": self.licence[0] if self.licence != UNKNOWN else "other",
            "library_name": self.loaded_by,
            "pipeline_tag": "feature-extraction",
            "tags": ["speech", "pruning", "s3prl", "superb"],
        }
        parts = [
            f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
            f"# {escape(self.name)}",
            f"The first {self.layers} of {self.whole} transformer layers of `{self.base}`. Its hidden states are the "
            "whole model's first. Nothing was trained after the cut.",
            f"```python\n{self.use}\n```",
            "## Why this depth",
            *self._why(),
            "## Scores",
            self.scores or "None were given when it was exported.",
            "## Licence of the base",
            f"{escape(self.licence[0])}: {self.licence[1]}. A cut is a part of its base and carries that licence.",
            "## Citing",
            f"The method:\n\n```bibtex\n{CITATION}\n```\n\nCite the authors of `{self.base}` as well.",
        ]
        return "\n\n".join(parts) + "\n"

    def _why(self) -> list[str]:
        said = [f"- {escape(key.replace('_', ' '))}: {escape(str(value))}" for key, value in self.provenance.items()]
        parts = ["\n".join(said)] if said else []
        if self.analysis is not None:
            best = self.analysis.choose("argmax").layer
            rows = [
                f"| {layer} | {_score(score, error)} |{_mark(layer, best, self.layers)}"
                for layer, score, error in self.analysis.curve()
            ]
            parts.append(
                f"Graph convexity of {escape(self.analysis.label)} on {escape(self.analysis.corpus.name)} "
                f"({self.analysis.corpus.n_points} points), by layer:\n\n"
                + "\n".join(["| layers | convexity % | |", "|-|-|-|", *rows])
            )
        return parts or ["The depth was stated by hand; no analysis was given when it was exported."]


def _score(score: float, error: float) -> str:
    return f"{score:.2f}" if math.isnan(error) else f"{score:.2f} ± {error:.2f}"


def _mark(layer: int, best: int, kept: int) -> str:
    marks = [text for at, text in ((best, "most convex"), (kept, "this cut")) if at == layer]
    return f" {', '.join(marks)} |"


def licence_of(base: str, checkpoint: str | None, has_own_checkpoint: bool) -> tuple[str, str]:
    """The licence of a base.

    Args:
        base: the whole upstream's name on the hub.
        checkpoint: what it loads: a folder in transformers' format says its licence in its README.md.
        has_own_checkpoint: whether the name fixes the weights.
    """
    if checkpoint is not None and (stated := _stated_in(Path(checkpoint) / "README.md")):
        return stated, "the base's own model card says so"
    return LICENCES.get(base, UNKNOWN) if has_own_checkpoint else UNKNOWN


def _stated_in(card: Path) -> str | None:
    try:
        text = card.read_text(encoding="utf-8")
        head = yaml.safe_load(text.split("---")[1]) if text.startswith("---") else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, IndexError):
        return None
    stated = head.get("license") if isinstance(head, dict) else None
    return stated if isinstance(stated, str) else None


def read_analysis(path: str | Path, base: str) -> Analysis:
    """An analysis for a card.

    Raises:
        ArtifactError: it cannot be read.
        ConfigError: it is about another upstream.
    """
    analysis = Analysis.read(path)
    if analysis.upstream != base:
        raise ConfigError(f"{path} is about {analysis.upstream}; this is a cut of {base}")
    return analysis


def read_scores(results: Sequence[str | Path], name: str, base: str) -> str | None:
    """The table of a cut's measured scores beside its base's.

    Args:
        results: grid folders or `results.json` files.
        name: the cut.
        base: its base.

    Raises:
        ArtifactError: they cannot be read, or the cut is not among them.
    """
    if not results:
        return None
    from ..results.leaderboard import load_rows, make_leaderboard
    from ..results.tables import markdown

    entries = make_leaderboard([row for row in load_rows(results) if row.name in (name, base)])
    if name not in [entry.name for entry in entries]:
        raise ArtifactError(f"{', '.join(map(str, results))}: no result of {name} there")
    return markdown(entries, [])
