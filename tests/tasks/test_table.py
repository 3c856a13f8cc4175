"""Every row of the table of tasks is complete: what it names is there, and what is there is named."""

from __future__ import annotations

import re

import pytest
import yaml

from s3prl_convexprune.corpora import CORPORA
from s3prl_convexprune.corpora.prepare import PREPARERS
from s3prl_convexprune.resources import downstream_recipes_dir
from s3prl_convexprune.results.published import four_task_score, published_rows
from s3prl_convexprune.tasks.recipes import RECIPES, finetuning_recipe, recipe_path, variants
from s3prl_convexprune.tasks.table import DOWNSTREAMS, TASKS

EVERY = pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))


def test_every_recipe_that_ships_is_in_the_table():
    recipes = downstream_recipes_dir()
    assert {path.name for path in (recipes / "s3prl").glob("*.yaml")} == {row.recipe for row in RECIPES.values()}
    folders = {path.parent.name for path in (recipes / "speechbrain").glob("*/train.py")}
    assert folders == {task.finetuning.folder for task in TASKS.values()}


def test_a_task_is_called_by_one_name_in_every_table():
    assert {name: task.corpus for name, task in TASKS.items()} == PREPARERS
    assert all(DOWNSTREAMS[task.downstream.name] is task.downstream for task in TASKS.values())


@EVERY
def test_the_corpus_has_a_reader_with_the_label(task):
    assert task.label in CORPORA[task.corpus].labels
    assert CORPORA[task.corpus].environment == task.data_variable


@EVERY
def test_the_recipe_leaves_the_folders_open_and_has_the_protocol(task):
    recipe = yaml.safe_load(recipe_path(task.downstream.name).read_text())
    assert recipe["runner"]["total_steps"] == task.published.steps
    for folder in task.downstream.folders:
        assert recipe["downstream_expert"][folder.section][folder.key] is None


@EVERY
def test_every_variant_says_how_it_reads_the_embedded_corpus(task):
    assert list(variants(task)) == sorted(task.finetuning.demo)
    for variant, demo in task.finetuning.demo.items():
        keys = re.findall(r"^(\w+):", finetuning_recipe(task, variant)[1].read_text(), flags=re.MULTILINE)
        told = {"data_folder", *demo.others, *filter(None, [task.finetuning.fold])}
        assert told <= set(keys)
    assert bool(task.folds) == bool(task.finetuning.fold)


@EVERY
def test_better_scores_have_more_points(task):
    fbank, reference = task.published.fbank, task.published.reference
    assert (task.points(fbank), task.points(reference)) == pytest.approx((0, 1000))
    assert task.better(reference, fbank) and not task.better(fbank, reference)


def test_the_published_rows_have_every_task():
    assert all(four_task_score(row.scores) > 0 for row in published_rows())
    assert all(set(row.scores) == set(TASKS) for row in published_rows())
