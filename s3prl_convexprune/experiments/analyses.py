"""A study's analyses: the convexity of every layer of each whole upstream under each labelling."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifact import Analysis
from ..errors import ConfigError
from .rules import RULES
from .study import Base, Study

if TYPE_CHECKING:
    from ..corpora.manifest import Utterance


def analysis_path(output: Path, base: Base, name: str, after: str | None = None) -> Path:
    """Where an analysis of a study lies; `after` is the task that the upstream was fine-tuned for before it."""
    from ..analysis.names import analysis_name

    return output / "analyses" / analysis_name(base.name, name, after)


def pairs(study: Study) -> list[tuple[Base, str]]:
    """Every upstream with every labelling, in the study's order."""
    return [(base, name) for name in study.analyses for base in study.bases]


def corpus_of(study: Study, name: str) -> list[Utterance]:
    """The utterances of a labelling's corpus.

    Raises:
        CorpusError: it is not there, or lacks the label.
    """
    from ..corpora import open_corpus

    labelling = study.analyses[name]
    root = None if labelling.root is None else expanded(labelling.root)
    return open_corpus(filled(labelling.corpus), labelling.label, root)


def needs_points(study: Study, name: str) -> bool:
    """Whether a rule chooses from the points of a labelling, so that they are kept beside the analysis."""
    return any(
        RULES[choose.rule].needs == "points"
        for evaluation in study.evaluate
        if study.labelling_of(evaluation) == name
        for choose in study.rules_of(evaluation)
    )


def expanded(folder: str) -> Path:
    """A folder that a study states, its ``~`` and ``$VARIABLES`` filled in.

    Raises:
        ConfigError: a variable is not set.
    """
    return Path(filled(folder))


def filled(stated: str) -> str:
    """`expanded` for what may be a corpus's name or a path, which stays as it was written otherwise."""
    path = os.path.expandvars(stated)
    if unset := re.search(r"\$\{?(\w+)", path):
        raise ConfigError(f"the study's path {stated} needs the environment variable {unset[1]}; set it")
    return str(Path(path).expanduser()) if path.startswith("~") else path


def analyse(
    study: Study,
    base: Base,
    name: str,
    output: Path,
    device: str,
    after: str | None = None,
    weights: Path | None = None,
) -> Analysis:
    """Make one analysis, with its curve; one that is there already, made with the same settings, is kept.

    Args:
        study: the study.
        base: the whole upstream.
        name: the labelling.
        output: the study's folder.
        device: where the upstream runs.
        after: the task that the upstream was fine-tuned for, and
        weights: the folder of that run.

    Raises:
        ConvexPruneError: see `analysis.analyze.analyze`.
    """
    from ..analysis.analyze import analyze
    from ..analysis.plot import draw_curve
    from ..analysis.published import published_for

    settings = asdict(study.analyses[name])
    corpus, label = filled(settings.pop("corpus")), settings.pop("label")
    root = settings.pop("root")
    path = analysis_path(output, base, name, after)
    # a run calls an upstream that takes a checkpoint by its config's name
    upstream, ckpt = (base.name, None) if weights is not None and base.ckpt is not None else (base.entry, base.ckpt)
    made = analyze(
        upstream,
        corpus,
        label,
        path,
        root=None if root is None else expanded(root),
        ckpt=ckpt,
        weights=weights,
        device=device,
        keep_points=after is None and needs_points(study, name),
        **settings,
    )
    published = published_for(made) if study.published and after is None else None
    draw_curve([made], path.with_suffix(""), published=[published])
    return made


def read_analysis(output: Path, base: Base, name: str, after: str | None = None) -> Analysis:
    """An analysis that was made.

    Raises:
        ArtifactError: it was not, or is damaged.
    """
    return Analysis.read(analysis_path(output, base, name, after))
