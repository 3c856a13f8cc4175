"""Numbers that people state: one range each, for the command line's options and for the functions behind them.

>>> SHARE("0.6"), SEED("1337")
(0.6, 1337)
>>> SHARE.check("max_macs", 2)
Traceback (most recent call last):
...
s3prl_convexprune.errors.ConfigError: max_macs 2: expected a share above 0 and at most 1, such as 0.6
"""

from __future__ import annotations

import argparse
import math
import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Range:
    """Which numbers an option takes; an `argparse` type.

    Args:
        expected: in words, for messages.
        low: the smallest.
        high: the largest.
        whole: whole numbers only.
        above: `low` itself is too small.
        word: what may be said in place of a number.
    """

    expected: str
    low: float
    high: float = math.inf
    whole: bool = False
    above: bool = False
    word: str | None = None

    def __call__(self, text: str) -> Any:
        """The number that a text states, in ASCII digits.

        Raises:
            argparse.ArgumentTypeError: it states none, or one out of range.
        """
        if text == self.word:
            return text
        pattern = WHOLE_NUMBER if self.whole else NUMBER
        if pattern.fullmatch(text):
            value = int(text) if self.whole else float(text)
            if self._holds(value):
                return value
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: expected {self.expected}")

    def check(self, name: str, value: Any) -> Any:
        """A number given in Python, as it is.

        Args:
            name: what the message calls it.
            value: the number.

        Raises:
            ConfigError: it is not a number, or out of range.
        """
        if isinstance(value, str) and value == self.word:
            return value
        if getattr(value, "shape", None) == ():
            value = value.item()  # numpy's and torch's scalars
        number = isinstance(value, int if self.whole else (int, float)) and not isinstance(value, bool)
        if not number or not self._holds(value):
            raise ConfigError(f"{name} {reprlib.repr(value)}: expected {self.expected}")
        return value

    def check_all(self, name: str, values: Iterable[Any]) -> list[Any]:
        """`check` for each of several numbers."""
        return [self.check(name, value) for value in values]

    def _holds(self, value: Any) -> bool:
        enough = self.low < value if self.above else self.low <= value
        return bool(enough and value <= self.high and value < math.inf)  # false for NaN


AT_LEAST_ONE = Range("a whole number from 1 to 1000000", 1, 10**6, whole=True)
WORKERS = Range("a whole number from 0 to 256", 0, 256, whole=True)
SOURCES = Range("auto, or a whole number from 3 to 1000000", 3, 10**6, whole=True, word="auto")
CLASSES = Range("a whole number from 2 to 1000000", 2, 10**6, whole=True)
BLOCKS = Range("a whole number from 5 to 1000", 5, 1000, whole=True)
SEED = Range("a whole number from 0 to 4294967295", 0, 2**32 - 1, whole=True)
SHARE = Range("a share above 0 and at most 1, such as 0.6", 0, 1, above=True)
LEARNING_RATE = Range("a learning rate above 0 and at most 1000, such as 1e-4", 0, 1000, above=True)
MARGIN = Range("points of accuracy from 0 to 100, such as 1.0", 0, 100)
SECONDS = Range("seconds of audio from 0.1 to 3600", 0.1, 3600)
HOP = Range("seconds of audio from 0.01 to 3600", 0.01, 3600)
SCORE = Range("a score in per cent, 0 or more", 0)
