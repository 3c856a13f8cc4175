"""Numbers that people state: ASCII, finite and in range, or a line that says what is."""

from __future__ import annotations

import argparse
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.numbers import AT_LEAST_ONE, LEARNING_RATE, SECONDS, SEED, SHARE, Range

RANGES = [AT_LEAST_ONE, LEARNING_RATE, SECONDS, SEED, SHARE]
NOT_NUMBERS = [
    "",
    " ",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "²",
    "３",
    "٣",
    "1_000",
    " 1",
    "1 ",
    "0x1",
    "9" * 5000,
    "1,5",
    "one",
]


@pytest.mark.parametrize("text", NOT_NUMBERS)
@pytest.mark.parametrize("range_", RANGES, ids=lambda r: r.expected)
def test_what_is_no_number(range_: Range, text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected") as caught:
        range_(text)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("range_", "low", "below", "high", "above"),
    [
        (AT_LEAST_ONE, "1", "0", "1000000", "1000001"),
        (SEED, "0", "-1", "4294967295", "4294967296"),
        (SHARE, "1e-9", "0", "1", "1.0000001"),
        (LEARNING_RATE, "1e-12", "0", "1000", "1001"),
        (SECONDS, "0.1", "0.001", "3600", "3601"),
    ],
)
def test_the_ends_of_a_range(range_: Range, low: str, below: str, high: str, above: str) -> None:
    for text in (low, high):
        assert range_(text) == float(text) == range_.check("x", range_(text))
    for text in (below, above):
        with pytest.raises(argparse.ArgumentTypeError, match="expected"):
            range_(text)
        with pytest.raises(ConfigError, match="^x .*expected"):
            range_.check("x", int(text) if range_.whole else float(text))


@pytest.mark.parametrize("value", [None, True, "1", math.nan, math.inf, -math.inf, [1], 1j, np.array([1, 2]), 10**400])
@pytest.mark.parametrize("range_", RANGES, ids=lambda r: r.expected)
def test_what_is_no_number_in_python(range_: Range, value: object) -> None:
    with pytest.raises(ConfigError, match="expected"):
        range_.check("x", value)


def test_numpys_scalars_are_numbers() -> None:
    assert SHARE.check("x", np.float32(0.5)) == 0.5 and SEED.check("x", np.int64(3)) == 3


@given(st.floats(allow_nan=False) | st.integers())
def test_a_number_is_taken_exactly_when_it_is_in_range(value: float) -> None:
    for range_ in RANGES:
        inside = (value > range_.low if range_.above else value >= range_.low) and value <= range_.high
        inside = inside and math.isfinite(value) and (isinstance(value, int) or not range_.whole)
        try:
            assert range_.check("x", value) == value and inside
        except ConfigError:
            assert not inside
