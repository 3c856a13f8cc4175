"""The shipped recipes, s3prl's and SpeechBrain's: their files, and the corpus folders that are open (null) in them.

An open folder is filled from the environment, ``S3PRL_CONVEXPRUNE_DATA_<CORPUS>``. What the user states, in a config
or with ``-o``, is never replaced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..corpora.prepare import find_prepared
from ..errors import ConfigError, CorpusError, nearest
from ..resources import downstream_recipes_dir
from .table import DOWNSTREAMS
from .task import Downstream, Task

#: The downstreams that a recipe ships for, by s3prl's name.
RECIPES: Mapping[str, Downstream] = {name: row for name, row in DOWNSTREAMS.items() if row.recipe}


def recipe_path(downstream: str) -> Path:
    """The shipped recipe of an s3prl downstream.

    Args:
        downstream: s3prl's name, as ``-d`` takes it.

    Raises:
        ConfigError: no recipe for it is shipped.

    >>> recipe_path("emotion").name
    'er.yaml'
    >>> recipe_path("emotoin")
    Traceback (most recent call last):
    ...
    s3prl_convexprune.errors.ConfigError: no recipe ships for downstream 'emotoin'; did you mean 'emotion'?
    """
    if downstream not in RECIPES:
        raise ConfigError(f"no recipe ships for downstream {downstream!r}{nearest(downstream, RECIPES)}")
    return downstream_recipes_dir() / "s3prl" / str(RECIPES[downstream].recipe)


def fill_paths(
    downstream: str, config: dict[str, Any], environ: Mapping[str, str] = os.environ, stated_by: str = "-o "
) -> None:
    """Fill a recipe's open paths from the environment, in place, and check all of them.

    Args:
        downstream: s3prl's name; one without a shipped recipe is left alone.
        config: the loaded recipe, after ``-o``.
        environ: where the variables are looked up.
        stated_by: how the program at hand takes a key of the recipe, for the message.

    Raises:
        CorpusError: a path is given nowhere, or there is nothing at it. The message says how to give or make it.
    """
    recipe = RECIPES.get(downstream)
    if recipe is None:
        return
    for folder in recipe.folders:
        paths = (config.get("downstream_expert") or {}).get(folder.section)
        if not isinstance(paths, dict):
            return
        option = f'{stated_by}"config.downstream_expert.{folder.section}.{folder.key}=..."'
        source = "as the config or -o states it"
        if folder.key in paths and paths[folder.key] is None:
            if folder.made_by:  # beside the corpus, wherever that was stated
                root = str(paths[recipe.folders[0].key])
                paths[folder.key] = str(find_prepared(root, folder.below, environ))
            elif environ.get(folder.variable):
                root = environ[folder.variable]
                paths[folder.key] = str(Path(root).expanduser() / folder.below)
                source = f"{folder.variable}={root}"
            else:
                raise CorpusError(
                    f"{downstream}: {folder.key} is not given; set {folder.variable}, or {option}, "
                    "or the key in the config"
                )
        value = paths.get(folder.key)
        if value is not None and not Path(str(value)).exists():
            if folder.made_by:
                raise CorpusError(f"{downstream}: {folder.key} {value} is not there; made by: {folder.made_by}")
            raise CorpusError(
                f"{downstream}: {folder.key} {value} ({source}) is not there; set {folder.variable}, or {option}"
            )


def stated_paths(downstream: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that give a recipe's open paths: dotted key -> path, as s3prl's ``-o`` takes them.

    Args:
        downstream: s3prl's name of one with a shipped recipe.
        environ: the variables of its corpora, as `prepare` and `corpora.demo.lay_out` give them.

    Raises:
        CorpusError: as `fill_paths`.
    """
    folders = RECIPES[downstream].folders
    config: dict[str, Any] = {"downstream_expert": {folder.section: {} for folder in folders}}
    for folder in folders:
        config["downstream_expert"][folder.section][folder.key] = None
    fill_paths(downstream, config, environ)
    return {
        f"config.downstream_expert.{folder.section}.{folder.key}": str(
            config["downstream_expert"][folder.section][folder.key]
        )
        for folder in folders
    }


def finetuning_recipe(task: Task, variant: str | None = None) -> tuple[Path, Path]:
    """The `train.py` and the hyperparameter file of a task's SpeechBrain recipe.

    Args:
        task: the task.
        variant: another of its hyperparameter files, by its name without ending; None takes the task's own.

    Raises:
        ConfigError: it has no such variant; the message names the nearest.

    >>> from .table import get_task
    >>> [path.name for path in finetuning_recipe(get_task("ks"), "v1_12")]
    ['train.py', 'v1_12.yaml']
    """
    known = variants(task)
    if variant is not None and variant not in known:
        raise ConfigError(f"the recipe of {task.name} has no variant {variant!r}{nearest(variant, known)}")
    folder = _finetuning_folder(task)
    return folder / "train.py", folder / "hparams" / f"{variant or task.finetuning.variant}.yaml"


def variants(task: Task) -> list[str]:
    """The variants of a task's SpeechBrain recipe.

    >>> from .table import get_task
    >>> variants(get_task("sid"))
    ['speech_commands', 'voxceleb1']
    """
    return sorted(path.stem for path in (_finetuning_folder(task) / "hparams").glob("*.yaml"))


def _finetuning_folder(task: Task) -> Path:
    return downstream_recipes_dir() / "speechbrain" / task.finetuning.folder
