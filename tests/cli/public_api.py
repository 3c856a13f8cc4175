"""What others build on, a line each: `python -m tests.cli.public_api` prints it, `tests/cli/public_api.txt` keeps it.

Functions and classes of `import s3prl_convexprune` with their signatures, what a class has beside that, and the verbs
of the command line with their options.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import s3prl_convexprune as cp
from s3prl_convexprune.cli.parser import VERBS, verb_parser


def lines() -> Iterator[str]:
    for name in dir(cp):
        if not name.startswith("_"):
            found = getattr(cp, name)
            yield from of_a_class(name, found) if inspect.isclass(found) else [name + signature(found)]
    for verb in VERBS:
        yield " ".join([verb, *sorted(words(verb))])


def of_a_class(name: str, kind: type) -> Iterator[str]:
    ours = [base for base in kind.__mro__ if base.__module__.startswith("s3prl_convexprune")]
    if issubclass(kind, Exception):
        yield f"{name}: {', '.join(base.__name__ for base in kind.__bases__)}"
        return
    yield name + signature(kind)
    members = {member: value for base in reversed(ours) for member, value in vars(base).items()}
    for member, value in sorted(members.items()):
        function = getattr(value, "__func__", value)
        if member.startswith("_") or not (inspect.isfunction(function) or isinstance(value, property)):
            continue
        yield f"{name}.{member}{'' if isinstance(value, property) else signature(function)}"


def signature(function: Callable[..., object]) -> str:
    """Parameters and what is returned, types as the source writes them."""
    given = inspect.signature(function)
    parameters = [
        each.replace(annotation=_AsWritten(each.annotation), default=_without_address(each.default))
        for each in given.parameters.values()
    ]
    return str(given.replace(parameters=parameters, return_annotation=_AsWritten(given.return_annotation)))


def _without_address(default: object) -> object:
    return _AsWritten(default.__name__) if inspect.isfunction(default) else default


class _AsWritten(str):
    """A type's text, which a signature shows without quotes."""

    def __new__(cls, annotation: object) -> Any:
        return super().__new__(cls, annotation.strip("'\"")) if isinstance(annotation, str) else annotation

    __repr__ = str.__str__


def words(verb: str) -> Iterator[str]:
    for action in verb_parser(verb)._actions:
        if action.dest != "help":
            yield "|".join(action.option_strings) or action.dest


if __name__ == "__main__":
    print(*lines(), sep="\n")
