"""Cells run fine-tuned: a study's evaluations as comparisons of SpeechBrain recipes, one a whole upstream."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, CorpusError
from ...tasks.table import get_task
from ..analyses import expanded
from ..study import Base, Evaluation, Study

if TYPE_CHECKING:
    from .comparison import Comparison


def comparisons(
    study: Study, upstreams: Mapping[str, Mapping[str, Sequence[str]]], output: Path, device: str
) -> list[tuple[Evaluation, Base, Comparison]]:
    """The fine-tuned evaluations, one comparison for each whole upstream.

    Args:
        study: the study.
        upstreams: title of an evaluation -> name of a base -> names on the hub, the whole upstream's first.
        output: the study's folder.
        device: torch device.

    Raises:
        ConfigError: the corpus's folder is not given.
    """
    from .comparison import Comparison

    found = []
    for evaluation in study.evaluate:
        if evaluation.how != "finetuned":
            continue
        folder, more = _data(evaluation, output)
        for base in study.bases:
            comparison = Comparison(
                upstreams=tuple(upstreams[evaluation.title][base.name]),
                task=evaluation.task,
                data_folder=folder,
                output=output / "finetuned" / evaluation.task / base.name,
                seeds=tuple(evaluation.seeds),
                folds=tuple(evaluation.folds),
                variant=evaluation.variant,
                overrides={**more, **{key: hyperparameter(value) for key, value in evaluation.overrides.items()}},
                device=device,
            )
            found.append((evaluation, base, comparison))
    return found


def _data(evaluation: Evaluation, output: Path) -> tuple[Path, dict[str, str]]:
    if evaluation.data == "demo":
        from ...corpora.demo import lay_out

        recipe = get_task(evaluation.task).finetuning
        demo = recipe.demo[evaluation.variant or recipe.variant]
        root = (output / "corpus" / demo.layout).resolve()
        lay_out(root, demo.layout)
        return (root / demo.folder).resolve(), {key: str((root / name).resolve()) for key, name in demo.others.items()}
    return data_folder(evaluation), {}


def data_folder(evaluation: Evaluation) -> Path:
    """Where the corpus of a fine-tuned evaluation lies: as the study states it, or as the environment does.

    Raises:
        ConfigError: neither does.
        CorpusError: there is no such folder.
    """
    variable = get_task(evaluation.task).data_variable
    stated = evaluation.data or os.environ.get(variable)
    if not stated:
        raise ConfigError(
            f"evaluation {evaluation.title}: its corpus's folder is not given; state 'data: FOLDER', or set {variable}"
        )
    folder = expanded(stated)
    if not folder.is_dir():
        raise CorpusError(f"evaluation {evaluation.title}: {folder} is not a folder")
    return folder


def hyperparameter(value: object) -> str:
    """A value of the study as the recipe's command line takes it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
