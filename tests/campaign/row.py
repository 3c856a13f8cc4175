"""What a row of the campaign is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Content = str | bytes | Callable[[Path, Path], object]

#: A command that would succeed; a row appends what spoils it (argparse takes an option's last value).
ANALYZE = "analyze -u tiny_hubert --corpus @manifest.csv --label word -o out.json"


@dataclass(frozen=True)
class Row:
    """One bad input.

    Attributes:
        id: what is wrong, in a few words; unique.
        command: the command line, as a shell would split it, without the program's name; one that begins with
            ``run_downstream.py`` runs that program. ``@name`` is a file of the shared material.
        says: what the error's one line must hold.
        files: name in the row's folder -> its content, or a function of (path, material folder) that makes it.
        status: the exit status.
        environ: environment variables to set; ``@name`` as in `command`, and None unsets.
        leaves: patterns (`Path.match`) of what the command may make or change.
        unprivileged: run without root's power over file modes, where root runs the tests.
    """

    id: str
    command: str
    says: str | tuple[str, ...] = ()
    files: Mapping[str, Content] = field(default_factory=dict)
    status: int = 2
    environ: Mapping[str, str | None] = field(default_factory=dict)
    leaves: tuple[str, ...] = ()
    unprivileged: bool = False
