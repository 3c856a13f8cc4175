"""A study's analyses: the convexity of every layer of each whole upstream under each labelling."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifact import Analysis
from .study import Base, Study

if TYPE_CHECKING:
    from ..analysis.manifest import Utterance


def analysis_path(output: Path, base: Base, name: str) -> Path:
    """Where an analysis of a study lies."""
    return output / "analyses" / f"{base.name}-{name}.json"


def pairs(study: Study) -> list[tuple[Base, str]]:
    """Every upstream with every labelling, in the study's order."""
    return [(base, name) for name in study.analyses for base in study.bases]


def corpus_of(study: Study, name: str) -> list[Utterance]:
    """The utterances of a labelling's corpus.

    Raises:
        CorpusError: it is not there, or lacks the label.
    """
    from ..analysis.corpora import open_corpus

    labelling = study.analyses[name]
    return open_corpus(labelling.corpus, labelling.label, labelling.root)


def analyse(study: Study, base: Base, name: str, output: Path, device: str) -> Analysis:
    """Make one analysis, with its curve; one that is there already, made with the same settings, is kept.

    Raises:
        ConvexPruneError: see `analysis.analyze.analyze`.
    """
    from ..analysis.analyze import analyze
    from ..analysis.plot import draw_curve

    settings = asdict(study.analyses[name])
    corpus, label = settings.pop("corpus"), settings.pop("label")
    path = analysis_path(output, base, name)
    made = analyze(
        base.entry,
        corpus,
        label,
        path,
        ckpt=base.ckpt,
        device=device,
        **settings,
    )
    draw_curve([made], path.with_suffix(""))
    return made


def read_analysis(output: Path, base: Base, name: str) -> Analysis:
    """An analysis that was made.

    Raises:
        ArtifactError: it was not, or is damaged.
    """
    return Analysis.read(analysis_path(output, base, name))
