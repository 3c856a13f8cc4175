"""The shipped recipes: which one a downstream uses, and the corpus folders that are open (null) in them.

An open folder is filled from the environment, ``S3PRL_CONVEXPRUNE_DATA_<CORPUS>``. What the user states, in a config
or with ``-o``, is never replaced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..corpora.prepare import find_prepared
from ..errors import ConfigError, CorpusError, nearest
from ..resources import downstream_recipes_dir

PREFIX = "S3PRL_CONVEXPRUNE_DATA_"


@dataclass(frozen=True)
class Folder:
    """One path that a recipe leaves open.

    Attributes:
        key: its name under ``downstream_expert.<section>``.
        corpus: the environment variable's ending, ``IEMOCAP`` for ``S3PRL_CONVEXPRUNE_DATA_IEMOCAP``.
        below: where it lies under that folder.
        made_by: the command that makes it, where the corpus does not come with it.
        section: where the recipe keeps its paths.
    """

    key: str
    corpus: str
    below: str = ""
    made_by: str = ""
    section: str = "datarc"

    @property
    def variable(self) -> str:
        return PREFIX + self.corpus


@dataclass(frozen=True)
class Recipe:
    """The recipe of one s3prl downstream: its file name and its open paths."""

    file: str
    folders: tuple[Folder, ...]


def _prepared(key: str, corpus: str, below: str, task: str) -> Folder:
    return Folder(key, corpus, below, f"s3prl-convexprune prepare {task} --root ROOT")


#: One row a downstream (s3prl's name of it).
RECIPES: Mapping[str, Recipe] = {
    "asr": Recipe(
        "asr.yaml",
        (
            Folder("libri_root", "LIBRISPEECH"),
            _prepared("bucket_file", "LIBRISPEECH", "len_for_bucket", "asr"),
            _prepared("dict_path", "LIBRISPEECH", "char.dict", "asr"),
        ),
    ),
    "voxceleb1": Recipe(
        "sid.yaml",
        (Folder("file_path", "VOXCELEB1"), _prepared("meta_data", "VOXCELEB1", "veri_test_class.txt", "sid")),
    ),
    "speech_commands": Recipe(
        "ks.yaml",
        (
            Folder("speech_commands_root", "SPEECH_COMMANDS"),
            Folder("speech_commands_test_root", "SPEECH_COMMANDS_TEST"),
        ),
    ),
    "emotion": Recipe("er.yaml", (Folder("root", "IEMOCAP"), _prepared("meta_data", "IEMOCAP", "meta_data", "er"))),
    "sv_voxceleb1": Recipe(
        "asv.yaml",
        (
            Folder("file_path", "VOXCELEB1"),
            Folder("test_meta_data", "VOXCELEB1", "veri_test2.txt"),
            Folder("dev_meta_data", "VOXCELEB1", "veri_test2.txt"),
        ),
    ),
    "fluent_commands": Recipe("ic.yaml", (Folder("file_path", "FLUENT_COMMANDS"),)),
    "quesst14_dtw": Recipe("qbe.yaml", (Folder("dataset_root", "QUESST14"),)),
    "diarization": Recipe(
        "sd.yaml",
        (
            Folder("train_dir", "LIBRI2MIX", "train", section="loaderrc"),
            Folder("dev_dir", "LIBRI2MIX", "dev", section="loaderrc"),
            Folder("test_dir", "LIBRI2MIX", "test", section="loaderrc"),
        ),
    ),
}


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
    return downstream_recipes_dir() / "s3prl" / RECIPES[downstream].file


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
