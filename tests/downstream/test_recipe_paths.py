"""Corpus folders: from the environment, from the config or `-o`, or refused with the way to give them."""

from __future__ import annotations

import pytest
import yaml

from s3prl_convexprune.errors import CorpusError
from s3prl_convexprune.tasks.recipes import RECIPES, fill_paths, recipe_path
from tests import recipe_corpora

TASKS = {"ks": "speech_commands", "sid": "voxceleb1", "er": "emotion", "asr": "asr"}


def shipped(downstream: str) -> dict:
    return yaml.safe_load(recipe_path(downstream).read_text())


@pytest.mark.parametrize("downstream", RECIPES)
def test_every_open_path_is_a_key_of_the_shipped_recipe(downstream):
    config = shipped(downstream)
    for folder in RECIPES[downstream].folders:
        assert config["downstream_expert"][folder.section][folder.key] is None


@pytest.mark.parametrize("task", TASKS)
def test_the_environment_fills_all(tmp_path, task):
    environ = recipe_corpora.build(task, tmp_path)
    config = shipped(TASKS[task])
    fill_paths(TASKS[task], config, environ)
    filled = config["downstream_expert"]["datarc"]
    assert all(str(filled[folder.key]).startswith(str(tmp_path)) for folder in RECIPES[TASKS[task]].folders)
    again = yaml.safe_load(yaml.safe_dump(config))
    fill_paths(TASKS[task], again, {})
    assert again == config


def test_a_stated_root_goes_before_the_environment_and_brings_its_prepared_files(tmp_path):
    recipe_corpora.sid(tmp_path / "mine")
    config = shipped("voxceleb1")
    config["downstream_expert"]["datarc"]["file_path"] = str(tmp_path / "mine")
    fill_paths("voxceleb1", config, {"S3PRL_CONVEXPRUNE_DATA_VOXCELEB1": str(tmp_path / "other")})
    datarc = config["downstream_expert"]["datarc"]
    assert datarc["file_path"] == str(tmp_path / "mine")
    assert datarc["meta_data"] == str(tmp_path / "mine" / "veri_test_class.txt")


@pytest.mark.parametrize("task", TASKS)
def test_nothing_given_names_the_variable_and_the_key(task):
    first = RECIPES[TASKS[task]].folders[0]
    with pytest.raises(CorpusError, match=first.variable) as error:
        fill_paths(TASKS[task], shipped(TASKS[task]), {})
    assert f"config.downstream_expert.datarc.{first.key}=" in str(error.value)


def test_a_root_that_is_not_there(tmp_path):
    with pytest.raises(CorpusError, match="S3PRL_CONVEXPRUNE_DATA_IEMOCAP=/nowhere"):
        fill_paths("emotion", shipped("emotion"), {"S3PRL_CONVEXPRUNE_DATA_IEMOCAP": "/nowhere"})


def test_what_must_be_prepared_names_the_command(tmp_path):
    with pytest.raises(CorpusError, match="s3prl-convexprune prepare er"):
        fill_paths("emotion", shipped("emotion"), {"S3PRL_CONVEXPRUNE_DATA_IEMOCAP": str(tmp_path)})


def test_other_downstreams_are_left_alone():
    config = {"downstream_expert": {"datarc": {"root": None}}}
    fill_paths("example", config, {})
    assert config == {"downstream_expert": {"datarc": {"root": None}}}
