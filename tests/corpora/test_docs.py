"""The tables in the documentation say what the code offers."""

from __future__ import annotations

import re
from pathlib import Path

from s3prl_convexprune.corpora import CORPORA
from s3prl_convexprune.tasks.recipes import RECIPES

DOCS = Path(__file__).parents[2] / "docs"


def table_rows(name: str) -> list[list[str]]:
    """The rows of a page's first table."""
    table = re.search(r"(?:^\|.*\n)+", (DOCS / name).read_text(), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_every_corpus_with_its_variable_and_labels():
    by_labels = {tuple(re.findall(r"`(\w+)`", row[2])): row[1].strip("`") for row in table_rows("corpora.md")}
    for corpus in CORPORA.values():
        assert by_labels[corpus.labels] == ("none" if corpus.shipped else corpus.environment)


def test_every_variable_of_a_recipe_is_explained():
    text = (DOCS / "corpora.md").read_text() + (DOCS / "recipes.md").read_text()
    for recipe in RECIPES.values():
        yaml = (DOCS.parent / "downstream_recipes" / "s3prl" / recipe.recipe).read_text()
        for folder in recipe.folders:
            assert folder.variable in text or folder.variable in yaml


def test_every_recipe_with_its_downstream():
    listed = {row[1].strip("`"): row[2].strip("`") for row in table_rows("recipes.md")}
    assert listed == {downstream: recipe.recipe for downstream, recipe in RECIPES.items()}
