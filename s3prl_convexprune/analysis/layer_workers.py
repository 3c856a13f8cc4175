"""Layers in parallel: processes of this machine, each of which scores every so-manyth layer.

`score_in_processes` starts them as ``python -m`` of this module and writes on their stdin, one line, what to score.
They say on stdout which layers are kept, one JSON object a line. When their stdin ends they end too, so none outlives
the process that started it; what they kept is kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from queue import Queue
from typing import Any

from .. import program
from ..convexity.inputs import as_threads
from ..errors import ConvexPruneError, DataError
from ..workers import start_worker
from .layer_scoring import Layer, Scoring, score_each


def score_in_processes(layers: list[Layer], how: Scoring, jobs: int) -> Iterator[Layer]:
    """`layer_scoring.score_each` by so many processes, in the order in which layers are kept.

    Args:
        layers: what to score.
        how: the labels and the rest.
        jobs: processes; the cores are shared among them. The numbers are those of one process, bit for bit.

    Raises:
        DataError: a process ended; with what it said.
    """
    events: Queue[tuple[int, dict[str, Any] | None]] = Queue()
    jobs = min(jobs, len(layers))
    workers = []
    for number in range(jobs):
        mine = [asdict(layer) for layer in layers[number::jobs]]
        sent = json.dumps({"layers": mine, "how": asdict(how), "threads": as_threads(None) // jobs})
        workers.append(start_worker(__name__, sent, partial(_put, events, number)))
    running = set(range(jobs))
    try:
        while running:
            number, event = events.get()
            if event is None:
                running.discard(number)
                if code := workers[number].wait():
                    raise DataError(f"a process that scored layers died (status {code}); the kept ones stay kept")
            elif "error" in event:
                raise DataError(event["error"])
            else:
                yield Layer(**event)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _put(events: Queue, number: int, event: Any) -> None:
    events.put((number, event))


def main() -> int:
    """The process that `score_in_processes` starts."""
    sent = json.loads(sys.stdin.readline())
    program.end_with_stdin()
    lists = {name: tuple(value) for name, value in sent["how"].items() if isinstance(value, list)}
    how = Scoring(**{**sent["how"], **lists})

    def body() -> int:
        try:
            for layer in score_each([Layer(**one) for one in sent["layers"]], how, max(1, sent["threads"])):
                print(json.dumps(asdict(layer)), flush=True)
        except ConvexPruneError as error:
            print(json.dumps({"error": str(error)}), flush=True)
        except KeyboardInterrupt:  # the process that started this one says so
            return program.INTERRUPTED
        return 0

    return program.run(body)


if __name__ == "__main__":
    sys.exit(main())
