"""What a shell completes, through argcomplete: verbs and options from the parsers, upstreams and tasks from here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..upstreams.names import depths_of, upstream_names, whole_upstreams


def complete() -> None:
    """Answer the shell (the environment has what is typed so far) and end the process."""
    import argcomplete

    from .parser import whole_parser

    argcomplete.autocomplete(whole_parser())


def upstreams(prefix: str, **_: Any) -> list[str]:
    """The upstreams that a name so far may become: whole ones, configured cuts, and cuts by depth.

    >>> upstreams("hubert_large_ll60k_convexpruned_L2")[:2]
    ['hubert_large_ll60k_convexpruned_L1', 'hubert_large_ll60k_convexpruned_L2']
    """
    names = upstream_names()
    base = prefix.rpartition("_convexpruned_")[0]
    return [*names, *(_cuts(base) if base in whole_upstreams() else [])]


def cuts(prefix: str, **_: Any) -> list[str]:
    """`upstreams` without the whole ones."""
    return [name for name in upstreams(prefix) if name not in whole_upstreams()]


def _cuts(base: str) -> Iterator[str]:
    depths = depths_of(whole_upstreams()[base])
    for layers in range(1, (depths.whole or 0) + 1):
        yield f"{base}_convexpruned_L{layers}"


def tasks(prefix: str, **_: Any) -> list[str]:
    """The SUPERB tasks."""
    from ..tasks.table import TASKS

    return list(TASKS)


def corpora(prefix: str, **_: Any) -> list[str]:
    """The corpora that are known by name; a manifest is a file."""
    from ..corpora import CORPORA

    return list(CORPORA)
