"""Progress on the terminal: bars that keep moving, and none where nobody watches."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from typing import Any

from tqdm import tqdm

TICK_SECONDS = 1.0

_bars: weakref.WeakSet[tqdm] = weakref.WeakSet()
_lock = threading.Lock()
_talks = False
_ticker: threading.Thread | None = None


def progress_bar(*args: Any, show: bool = True, **kwargs: Any) -> tqdm:
    """A `tqdm` that shows nothing where stderr is no terminal, and whose clock runs while one step takes long.

    Args:
        *args: `tqdm`'s.
        show: False for a caller who wants no bar.
        **kwargs: `tqdm`'s.
    """
    global _ticker
    bar = tqdm(*args, disable=None if show else True, dynamic_ncols=True, **kwargs)
    if not bar.disable:
        with _lock:
            _bars.add(bar)
        if _ticker is None or not _ticker.is_alive():
            _ticker = threading.Thread(target=_tick, daemon=True)
            _ticker.start()
    return bar


def _tick() -> None:
    while bars := _open_bars():
        for bar in bars:
            bar.refresh()
        del bars, bar
        time.sleep(TICK_SECONDS)


def _open_bars() -> list[tqdm]:
    with _lock:
        return [bar for bar in _bars if not bar.disable]


def close_bars() -> None:
    """End every bar that is still open, so that what is printed next stands on a line of its own."""
    for bar in _open_bars():
        bar.close()


def talk() -> None:
    """Let `say` speak in this process: the commands do, a program that imports the package is left in peace."""
    global _talks
    _talks = True


def say(text: str) -> None:
    """One line about what takes a while and has no bar, where somebody watches a command."""
    if _talks and sys.stderr.isatty():
        tqdm.write(f"{text} ...", file=sys.stderr)
