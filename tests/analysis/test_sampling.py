"""The sample is balanced, drawn without replacement, and depends on the seed and the set alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.analysis.sampling import sample_per_class
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import CorpusError

classes = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(2, 30), min_size=1, max_size=6)


def corpus(sizes):
    return [Utterance(Path(f"{name}{i}.wav"), {"word": name}) for name, size in sizes.items() for i in range(size)]


@given(sizes=classes, per_class=st.integers(2, 40), seed=st.integers(0, 5), data=st.data())
def test_balanced_and_independent_of_order(sizes, per_class, seed, data):
    rows = corpus(sizes)
    chosen = sample_per_class(rows, "word", per_class, seed)
    assert Counter(row.labels["word"] for row in chosen) == {k: min(v, per_class) for k, v in sizes.items()}
    assert len({row.path for row in chosen}) == len(chosen)
    assert sample_per_class(data.draw(st.permutations(rows)), "word", per_class, seed) == chosen


def test_another_seed_draws_others():
    rows = corpus({"yes": 100, "no": 100})
    assert sample_per_class(rows, "word", 10, 0) != sample_per_class(rows, "word", 10, 1)


def test_a_class_more_does_not_change_the_others_draw():
    few, more = corpus({"yes": 50, "no": 50}), corpus({"yes": 50, "no": 50, "up": 50})
    drawn = set(map(repr, sample_per_class(more, "word", 5, 0)))
    assert set(map(repr, sample_per_class(few, "word", 5, 0))) <= drawn


def test_a_class_with_one_utterance_is_named():
    with pytest.raises(CorpusError, match="'no'"):
        sample_per_class(corpus({"yes": 3, "no": 1}), "word", 10, 0)


def test_per_class_below_two():
    with pytest.raises(CorpusError, match="at least 2"):
        sample_per_class(corpus({"yes": 3}), "word", 1, 0)


def test_so_many_classes_whatever_the_order():
    rows = corpus({f"speaker{i}": 6 for i in range(40)})
    chosen = sample_per_class(rows, "word", 4, 0, 7)
    assert set(Counter(row.labels["word"] for row in chosen).values()) == {4} and len(chosen) == 28
    assert sample_per_class(rows[::-1], "word", 4, 0, 7) == chosen
    assert sample_per_class(rows, "word", 4, 1, 7) != chosen
    assert set(map(repr, chosen)) <= set(map(repr, sample_per_class(rows, "word", 4, 0)))
    assert sample_per_class(rows, "word", 4, 0, 40) == sample_per_class(rows, "word", 4, 0)
