"""The reference of the commands, made from their parsers."""

from __future__ import annotations

import argparse
import re
from functools import partial
from textwrap import dedent

from s3prl_convexprune.cli.parser import VERBS, verb_parser


def page() -> str:
    """One section a verb: what it does, how it is called, and its arguments."""
    said = "Made from the program's own parsers: what `-h` prints, for every verb."
    return "\n".join([f"# Commands\n\n{said}\n", *map(section, VERBS)])


def section(verb: str) -> str:
    parser = verb_parser(verb)
    parser.formatter_class = partial(argparse.HelpFormatter, width=80)
    rows = [_row(action, parser) for action in parser._actions if action.dest != "help"]
    table = ["| argument | what |", "|-|-|", *rows] if rows else []
    called = dedent(parser.format_usage().replace("usage: ", " " * 7)).strip()
    return "\n".join([f"## {verb}\n", f"{parser.description}\n", f"```text\n{called}\n```\n", *table, ""])


def _row(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    takes = parser._get_formatter()._format_args(action, _metavar(action)) if action.nargs != 0 else ""
    names = [f"`{option}`" for option in action.option_strings[:-1]]
    names.append(f"`{_cell(' '.join([*action.option_strings[-1:], takes]))}`")
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    must = "**Required.** " if action.required and action.option_strings else ""
    said = re.sub(r"([][<*_`])", r"\\\1", _cell(text))
    return f"| {', '.join(names)} | {must}{said} |"


def _metavar(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
