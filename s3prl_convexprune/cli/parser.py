"""The parsers of the verbs: one program, errors of one line, completion of names."""

from __future__ import annotations

import argparse
import importlib
import re
from typing import Any, NoReturn

from ..errors import ConvexPruneError, nearest
from ..versions import PROGRAM, __version__

VERBS = {
    "analyze": "measure the convexity of every layer of an upstream on a labelled corpus",
    "screen": "predict the accuracy of SUPERB's head at every depth, from an analysis's kept points",
    "select": "choose a depth from an analysis and write an upstream config",
    "plot": "draw convexity curves for a paper",
    "list": "list the pruned upstreams that s3prl's hub knows, or every upstream that can be cut",
    "show": "show one upstream: base, depth, where its depth comes from",
    "run": "train and score a grid of upstreams on SUPERB tasks",
    "leaderboard": "put results into one table and one page",
    "profile": "parameters, MACs, latency and memory of upstreams",
    "finetune": "compare upstreams fine-tuned end to end by SpeechBrain recipes",
    "export": "write a cut upstream as an ordinary checkpoint",
    "predict": "labels of audio files, by an exported cut with its head",
    "prepare": "check a corpus and make what s3prl's recipes need beside it",
    "study": "run a whole comparison that one YAML file says",
    "demo": "the whole job on the embedded tiny model and corpus",
    "doctor": "what is installed, what was patched and why, what is missing",
    "help": "explain a verb",
}


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises what is wrong, with the nearest option, and takes no abbreviations."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown:
            option = unknown[1].partition("=")[0]
            known = [name for name in self._option_string_actions if name.startswith("--")]
            message = f"there is no {option}{nearest(option, known) if option.startswith('-') else ''}"
        raise ConvexPruneError(f"{message} ({self.prog} -h explains)")


def verb_parser(verb: str) -> Parser:
    """The parser of one verb.

    Raises:
        ConvexPruneError: there is no such verb; the message names the nearest.
    """
    if verb not in VERBS:
        raise ConvexPruneError(f"no verb {verb!r}{nearest(verb, VERBS)}")
    parser = Parser(prog=f"{PROGRAM} {verb}", description=_sentence(verb))
    _fill(parser, verb)
    return parser


def whole_parser() -> Parser:
    """The parser of all verbs, for help and completion."""
    parser = Parser(
        prog=PROGRAM,
        description="Convexity-based pruning of speech upstreams, as a plugin for s3prl and SUPERB.",
        epilog=f"{PROGRAM} help VERB explains one.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"{PROGRAM} {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", parser_class=Parser)
    for verb, text in VERBS.items():
        _fill(verbs.add_parser(verb, help=text, description=_sentence(verb)), verb)
    return parser


def _fill(parser: argparse.ArgumentParser, verb: str) -> None:
    command = importlib.import_module(f".{verb}", __package__)
    command.add_arguments(parser)
    parser.set_defaults(command=command.run)


def _sentence(verb: str) -> str:
    return f"{VERBS[verb][0].upper()}{VERBS[verb][1:]}."
