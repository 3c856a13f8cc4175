"""What an analysis is called among others in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..artifact import Analysis
from ..atomic import check_place
from ..errors import ConfigError
from ..outputs import check_output
from .plot import SUFFIXES


def analysis_name(upstream: str, label: str, after: str | None = None) -> str:
    """The file's name.

    Args:
        upstream: its name on the hub.
        label: the label kind, or what a study calls its labelling.
        after: the task that the upstream was fine-tuned for before.

    Raises:
        ConfigError: the label cannot be part of a file's name.

    >>> analysis_name("hubert", "word"), analysis_name("hubert", "speaker", "ks")
    ('hubert-word.json', 'hubert-speaker-after-ks.json')
    """
    if "/" in label or "\0" in label:
        raise ConfigError(f"--label {label!r}: cannot be part of a file's name; give it alone, or rename the column")
    return f"{upstream}-{label}{f'-after-{after}' if after else ''}.json"


def outputs_in(folder: Path, upstreams: Sequence[str], labels: Sequence[str]) -> dict[tuple[str, str], Path]:
    """Where the artifact of every upstream and label goes.

    Args:
        folder: what ``-o`` says.
        upstreams: names on the hub.
        labels: label kinds.

    Raises:
        ConfigError: it is, or is called as, a file; or a label cannot be part of a file's name.
        OutputError: no folder can be made there.
        ArtifactError: something that is no older analysis stands where one goes.
    """
    outputs = {(upstream, label): folder / analysis_name(upstream, label) for upstream in upstreams for label in labels}
    if folder.is_file() or (folder.suffix in (".json", *SUFFIXES) and not folder.is_dir()):
        raise ConfigError(
            f"-o {folder}: {len(outputs)} analyses ({next(iter(outputs.values())).name}, ...) go into a folder; name "
            f"one, such as {folder.with_suffix('') if folder.suffix else f'{folder}s'}"
        )
    check_place(folder, folder=True)
    for path in outputs.values():
        check_output(path, Analysis.FORMAT, Analysis.VERSION)
    return outputs
