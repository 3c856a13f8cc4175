"""`s3prl-convexprune VERB ...`: finds the verb's file, runs it, prints errors for people."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from .. import __version__, program
from ..errors import ConvexPruneError, nearest

VERBS = {
    "analyze": "measure the convexity of every layer of an upstream on a labelled corpus",
    "select": "choose a depth from an analysis and write an upstream config",
    "list": "list the pruned upstreams that s3prl's hub knows",
    "show": "show one upstream: base, depth, where its depth comes from",
    "run": "train and score a grid of upstreams on SUPERB tasks",
    "leaderboard": "put results into one table and one page",
    "profile": "parameters, MACs, latency and memory of upstreams",
    "finetune": "compare upstreams fine-tuned end to end by SpeechBrain recipes",
    "export": "write a cut upstream as an ordinary checkpoint",
    "prepare": "check a corpus and make what s3prl's recipes need beside it",
    "study": "run a whole comparison that one YAML file says",
    "demo": "the whole job on the embedded tiny model and corpus",
    "doctor": "what is installed, what was patched and why, what is missing",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        The exit status: 0, or 1 after a failed cell, or what `program.run` says.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, VERBS))
        print("usage: s3prl-convexprune VERB ...   (s3prl-convexprune VERB -h explains one)\n")
        print("\n".join(f"  {verb:<{width}}  {text}" for verb, text in VERBS.items()))
        return 0
    if arguments[0] == "--version":
        print(__version__)
        return 0
    # On a machine with other work, idle OpenMP threads that spin make two threads many times slower than one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return program.run(lambda: _run(arguments[0], arguments[1:]))


def _run(verb: str, arguments: Sequence[str]) -> int:
    if verb not in VERBS:
        raise ConvexPruneError(f"no verb {verb!r}{nearest(verb, VERBS)}")
    command = importlib.import_module(f".{verb}", __package__)
    parser = argparse.ArgumentParser(prog=f"s3prl-convexprune {verb}", description=VERBS[verb])
    command.add_arguments(parser)
    return int(command.run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
