"""Layers in parallel: processes of this machine, each of which scores every so-manyth layer.

`score_in_processes` starts them as ``python -m`` of this module and writes on their stdin, one line, what to score.
They say on stdout which layers are kept, one JSON object a line. When their stdin ends they end too, so none outlives
the process that started it; what they kept is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from queue import Queue
from typing import Any

from .. import program
from ..convexity.inputs import as_threads
from ..errors import ConvexPruneError, DataError
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
        with program.children_spared():
            worker = subprocess.Popen(
                [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        workers.append(worker)
        mine = layers[number::jobs]
        sent = {"layers": [asdict(layer) for layer in mine], "how": asdict(how), "threads": as_threads(None) // jobs}
        threading.Thread(target=_listen, args=(number, worker, json.dumps(sent), events), daemon=True).start()
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


def _listen(number: int, worker: subprocess.Popen[str], line: str, events: Queue) -> None:
    assert worker.stdin is not None and worker.stdout is not None
    try:
        worker.stdin.write(line + "\n")
        worker.stdin.flush()
        for said in worker.stdout:
            events.put((number, json.loads(said)))
    except (BrokenPipeError, ValueError):
        pass  # it is dead; its exit status says how
    events.put((number, None))


def main() -> int:
    """The process that `score_in_processes` starts."""
    sent = json.loads(sys.stdin.readline())
    program.end_with_stdin()
    lists = {name: value and tuple(value) for name, value in sent["how"].items() if name in ("labels", "groups")}
    how = Scoring(**{**sent["how"], **lists})

    def body() -> int:
        try:
            for layer in score_each([Layer(**one) for one in sent["layers"]], how, max(1, sent["threads"])):
                print(json.dumps(asdict(layer)), flush=True)
        except ConvexPruneError as error:
            print(json.dumps({"error": str(error)}), flush=True)
        return 0

    return program.run(body)


if __name__ == "__main__":
    sys.exit(main())
