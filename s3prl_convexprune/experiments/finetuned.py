"""Cells run fine-tuned: a study's evaluations as comparisons of SpeechBrain recipes, one a whole upstream."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .study import Base, Evaluation, Study

if TYPE_CHECKING:
    from ..speechbrain.comparison import Comparison

#: Where the embedded corpus's layout of a task has the recipe's data folder, and what else the recipe must be told.
DEMO_FOLDERS: dict[str, tuple[str, dict[str, str]]] = {
    "ks": ("train", {"test_data_folder": "test"}),
    "sid": ("VoxCeleb1", {"iden_split": "iden_split.txt"}),
    "er": ("", {}),
    "asr": ("LibriSpeech", {}),
}


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
    from ..speechbrain.comparison import Comparison

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
                hparams=_hparams(evaluation),
                overrides={**more, **{key: _text(value) for key, value in evaluation.overrides.items()}},
                device=device,
            )
            found.append((evaluation, base, comparison))
    return found


def _data(evaluation: Evaluation, output: Path) -> tuple[Path, dict[str, str]]:
    if evaluation.data == "demo":
        from ..demo.layout import lay_out

        root = output / "corpus" / evaluation.task
        lay_out(root, evaluation.task)
        below, others = DEMO_FOLDERS[evaluation.task]
        return (root / below).resolve(), {key: str((root / name).resolve()) for key, name in others.items()}
    if evaluation.data is not None:
        return Path(evaluation.data).expanduser(), {}
    variable = data_variable(evaluation.task)
    if not os.environ.get(variable):
        raise ConfigError(
            f"evaluation {evaluation.title}: its corpus's folder is not given; state 'data: FOLDER', or set {variable}"
        )
    return Path(os.environ[variable]).expanduser(), {}


def data_variable(task: str) -> str:
    """The environment variable that names the corpus of a task."""
    from ..superb.recipes import RECIPES
    from ..superb.tasks import get_task

    return RECIPES[get_task(task).downstream].folders[0].variable


def _hparams(evaluation: Evaluation) -> Path | None:
    """Another hyperparameter file: a path, or the name of one beside the recipe's own.

    Raises:
        ConfigError: there is none.
    """
    from ..errors import nearest
    from ..resources import downstream_recipes_dir
    from ..speechbrain.comparison import HPARAMS

    if evaluation.hparams is None:
        return None
    given = Path(evaluation.hparams).expanduser()
    if given.is_file():
        return given
    folder = (downstream_recipes_dir() / "speechbrain" / HPARAMS[evaluation.task]).parent
    beside = folder / f"{given.name.removesuffix('.yaml')}.yaml"
    if not beside.is_file():
        names = [path.stem for path in folder.glob("*.yaml")]
        raise ConfigError(
            f"evaluation {evaluation.title}: no hyperparameter file {evaluation.hparams!r}{nearest(given.stem, names)}"
        )
    return beside


def _text(value: object) -> str:
    """A value of the study as the recipe's command line takes it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
