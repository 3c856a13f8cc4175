"""lhotse's manifests (https://lhotse.readthedocs.io): a file of cuts, or a folder with recordings and supervisions.

Every supervision is an utterance. Its ``speaker``, ``language``, ``gender`` and ``text``, and what `custom` holds as
text, are labels. A source that is a command is a shell command; one that is a URL is not fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from .extracted import printed_by
from .manifest import Utterance

ENDINGS = (".jsonl", ".jsonl.gz")
#: What only the items of each kind of manifest have.
MARKS = {"recordings": "sources", "supervisions": "recording_id", "cuts": "supervisions"}
FIELDS = ("speaker", "language", "gender", "text")


def is_lhotse(path: Path) -> bool:
    """Whether a path is a manifest of lhotse's, or a folder with recordings."""
    return path.name.endswith(ENDINGS) or any(_manifests(path, "recordings"))


def read(path: Path, root: Path | None = None, *, allow_pipes: bool = False) -> list[Utterance]:
    """Read a file of cuts, or every pair of recordings and supervisions in a folder.

    Args:
        path: `*.jsonl` or `*.jsonl.gz`, or a folder of `*recordings*` and `*supervisions*` with those endings.
        root: what relative paths of audio start at; the folder in which the command runs when None, as in lhotse.
        allow_pipes: run the shell commands among the sources, as lhotse does.

    Returns:
        One utterance a supervision. The split is what stands behind ``recordings_`` in the files' names.

    Raises:
        CorpusError: lhotse is not installed; a manifest cannot be read, has an id twice, lacks a recording, or its
            supervisions; a source that is no file; a supervision of some channels of a recording.
    """
    with _typed(path):
        return (_of_folder if path.is_dir() else _of_cuts)(path, root, allow_pipes)


@contextmanager
def _typed(path: Path) -> Iterator[None]:
    """What Python says of a field that is of another type than lhotse gives it, in one line."""
    try:
        yield
    except CorpusError:  # which is a ValueError too, and has said it
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise CorpusError(f"{path}: a field is of another type than lhotse gives it: {error}") from error


def _of_cuts(path: Path, root: Path | None, allow_pipes: bool) -> list[Utterance]:
    spoken = [
        (supervision, getattr(cut, "recording", None), cut.start + supervision.start, None)
        for cut in _load(path, "cuts")
        for supervision in cut.supervisions
    ]
    return _utterances(path, spoken, root, allow_pipes)


def _of_folder(path: Path, root: Path | None, allow_pipes: bool) -> list[Utterance]:
    rows = []
    for recordings_path in _manifests(path, "recordings"):
        supervisions_path = recordings_path.with_name(recordings_path.name.replace("recordings", "supervisions"))
        if not supervisions_path.is_file():
            raise CorpusError(f"{supervisions_path} is missing: it holds the supervisions of {recordings_path.name}")
        recordings = {recording.id: recording for recording in _load(recordings_path, "recordings")}
        split = recordings_path.name.partition(".jsonl")[0].partition("recordings_")[2] or None
        spoken = []
        for supervision in _load(supervisions_path, "supervisions"):
            if supervision.recording_id not in recordings:
                raise CorpusError(
                    f"{supervisions_path}: {supervision.id}: its recording {supervision.recording_id!r} is not in "
                    f"{recordings_path.name}"
                )
            spoken.append((supervision, recordings[supervision.recording_id], supervision.start, split))
        rows += _utterances(supervisions_path, spoken, root, allow_pipes)
    return rows


def _manifests(folder: Path, kind: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob(f"*{kind}*")) if path.name.endswith(ENDINGS))


def _load(path: Path, kind: str) -> list[Any]:
    """The items of a manifest, each id once."""
    try:
        import lhotse
    except ImportError as error:
        raise CorpusError(f'{path}: reading it needs lhotse: pip install "s3prl-convexprune[lhotse]"') from error
    classes = {"recordings": lhotse.RecordingSet, "supervisions": lhotse.SupervisionSet, "cuts": lhotse.CutSet}
    try:
        # absolute: lhotse runs what begins with "pipe:", and fetches what begins with a scheme
        items = list(classes[kind].from_jsonl(path.absolute()))
        counted = Counter(item.id for item in items)
    except Exception as error:  # lhotse states no exceptions of its own: KeyError, JSONDecodeError, BadGzipFile, ...
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CorpusError(f"{path}: cannot be read as lhotse's {kind}: {reason}") from error
    if not items or not all(hasattr(item, MARKS[kind]) for item in items):
        raise CorpusError(f"{path}: has no {kind}")
    for name, count in counted.items():
        if count > 1:
            raise CorpusError(f"{path}: has {name!r} twice")
    return items


def _utterances(
    path: Path, spoken: Sequence[tuple[Any, Any, float, str | None]], root: Path | None, allow_pipes: bool
) -> list[Utterance]:
    files: dict[str, Path] = {}
    rows = []
    for supervision, recording, start, split in spoken:
        if recording is None:
            raise CorpusError(f"{path}: {supervision.id}: its cut has no recording of its own")
        if recording.id not in files:
            files[recording.id] = _audio(f"{path}: {recording.id}", recording, root, allow_pipes)
        _check_channels(f"{path}: {supervision.id}", supervision, recording)
        end = start + supervision.duration
        if not 0 <= start < end <= recording.duration + 1e-3:
            raise CorpusError(
                f"{path}: {supervision.id}: lies from {start:g} to {end:g} s of a recording of {recording.duration:g} s"
            )
        whole = start == 0 and abs(end - recording.duration) < 1e-3
        given = {name: getattr(supervision, name) for name in FIELDS} | (supervision.custom or {})
        labels = {name: value for name, value in given.items() if isinstance(value, str) and value}
        first, last = (None, None) if whole else (round(start, 6), round(min(end, recording.duration), 6))
        rows.append(Utterance(files[recording.id], labels, first, last, labels.get("speaker"), split))
    return rows


def _check_channels(where: str, supervision: Any, recording: Any) -> None:
    """Channels are averaged, so an utterance of one of several would be heard with what the others hold."""
    channel, all_of = supervision.channel, set(recording.channel_ids or [0])
    own = {channel} if isinstance(channel, int) else set(channel)
    if own != all_of:
        raise CorpusError(
            f"{where}: is of channel {', '.join(map(str, sorted(own)))} of {len(all_of)}; channels are averaged here: "
            "write each to a file of its own"
        )


def _audio(where: str, recording: Any, root: Path | None, allow_pipes: bool) -> Path:
    if len(recording.sources) != 1 or recording.transforms:
        raise CorpusError(f"{where}: has {len(recording.sources)} sources or transforms; expected one plain file")
    (source,) = recording.sources
    if source.type == "command":
        return printed_by(str(source.source), where, allow_pipes)
    if source.type != "file":
        raise CorpusError(f"{where}: its source is of type {source.type!r}; expected a file")
    return Path(source.source) if root is None else root / source.source
