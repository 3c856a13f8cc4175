"""One function a verb, for the verbs that no room has as one: what the command line and a notebook both call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ConfigError, nearest

if TYPE_CHECKING:
    from .deploy.exported import Exported
    from .results.leaderboard import Entry
    from .results.published import PublishedRow
    from .upstreams.export import Export

BOARD_FORMATS = (".md", ".csv", ".json", ".html")


def export(
    name: str,
    output: str | Path,
    *,
    ckpt: str | None = None,
    final_norm: str | None = None,
    format: str = "s3prl",
    returns: str | None = None,
    head: str | Path | None = None,
    int8: bool = False,
    measure: str | Path | None = None,
    analysis: str | Path | None = None,
    results: Sequence[str | Path] = (),
    push_to_hub: str | None = None,
) -> Export | Exported:
    """Write a cut upstream as an ordinary checkpoint, which loads without this package.

    Args:
        name: a pruned upstream, such as ``hubert_convexpruned_L6``.
        output: the file to write; a new folder for ``hf_*`` upstreams and for the format ``"hf"``.
        ckpt: the whole upstream's checkpoint, for upstreams that need one.
        final_norm: ``"keep"`` or ``"drop"``, see `upstreams.export.export_cut`; what the config says when None.
        format: ``"s3prl"``; ``"hf"``: a folder that plain transformers loads, with a model card; ``"onnx"``: a folder
            with a graph that onnxruntime runs.
        returns: for ``"onnx"``: ``"states"``, ``"last"`` or ``"pooled"``.
        head: for ``"onnx"``: the s3prl experiment (KS, SID, ER, IC, ASR), or the finished fine-tuning, whose trained
            head travels along.
        int8: for ``"onnx"``: quantise the graph.
        measure: for `int8`: a manifest on whose recordings its loss is measured, of the head's score too.
        analysis: for ``"hf"``: the analysis whose curve the card shows.
        results: for ``"hf"``: grids or `results.json` files whose scores the card shows.
        push_to_hub: for ``"hf"``: the repository on the Hugging Face hub to upload to, ``user/name``.

    Raises:
        ConvexPruneError: bad input of any kind; see `errors`.
    """
    from .upstreams.checks import check_upstream
    from .upstreams.names import resolve

    config = resolve(name)
    for option, wanted in (("--returns", returns), ("--head", head), ("--int8", int8), ("--measure", measure)):
        if wanted and format != "onnx":
            raise ConfigError(f"{option} goes with --format onnx, not with {format}")
    if measure is not None and not int8:
        raise ConfigError("--measure says what --int8 loses: give both, or neither")
    if returns and head:
        raise ConfigError("--returns: a graph with a --head gives logits")
    if format != "hf":
        for option, given in (("--analysis", analysis), ("--results", results), ("--push-to-hub", push_to_hub)):
            if given:
                raise ConfigError(f"{option} goes with --format hf, not with {format}")
    check_upstream(name, ckpt)
    config = replace(config, final_norm=final_norm or config.final_norm)
    if format == "hf":
        from .deploy import huggingface, push

        if push_to_hub is not None:
            push.check_repository(push_to_hub)
        done = huggingface.export_to_transformers(config, output, ckpt=ckpt, analysis=analysis, results=results)
        if push_to_hub is not None:
            push.push(output, push_to_hub)
        return done
    if format == "onnx":
        from .deploy.onnx_export import export_to_onnx

        return export_to_onnx(
            config, output, ckpt=ckpt, returns=returns or "states", head=head, int8=int8, measure=measure
        )
    from .upstreams.export import export_cut
    from .upstreams.registry import base_call

    base, layers, arguments = base_call(config, ckpt=ckpt)
    return export_cut(base, config.base, layers, output, config.final_norm, **arguments)


@dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        entries: the measured rows, whole upstreams first.
        published: SUPERB's published rows, where they were asked for.
    """

    entries: Sequence[Entry]
    published: Sequence[PublishedRow]

    def answers(self) -> list[str]:
        """One line a task: the depth, what the difference shows, what is saved."""
        from .report.decision import decisions_of, sentences

        return sentences(decisions_of(self.entries))

    def markdown(self) -> str:
        """The table as text."""
        from .results.tables import markdown

        return markdown(self.entries, self.published)


def leaderboard(
    results: Sequence[str | Path],
    output: Sequence[str | Path] = (),
    *,
    reference: str | None = None,
    profile: Sequence[str | Path] = (),
    analysis: Sequence[str | Path] = (),
    system: Mapping[str, Mapping[str, str]] | None = None,
    beside: Sequence[str | Path] = (),
) -> Board:
    """Put results into one table, and one page.

    Args:
        results: grid folders or `results.json` files.
        output: files to write, by their endings ``.md``, ``.csv``, ``.json``, ``.html``.
        reference: ``"superb"`` puts the published rows beside the measured ones.
        profile: files that `profile` wrote.
        analysis: analyses, whose curves the page shows, and what `screen` predicted beside them.
        system: rows made of one upstream a task: name -> {task: upstream}.
        beside: another board's grid folders or `results.json` files; the page shows both with their differences.

    Raises:
        ArtifactError: something that was to be read is missing or damaged, or does not belong together.
        ConfigError: an unknown format or reference.
    """
    from .artifact import Analysis
    from .atomic import write_json, write_text
    from .outputs import check_output, write_marked
    from .report.page import PAGE, write_page
    from .report.screens import screens_beside
    from .report.vega import check_charts
    from .results.leaderboard import load_rows, make_leaderboard
    from .results.published import published_rows
    from .results.tables import BOARD, CSV_HEADER, as_csv, as_json, markdown
    from .upstreams.profile import read_profiles

    outputs = [Path(path) for path in output]
    for path in outputs:
        if path.suffix not in BOARD_FORMATS:
            raise ConfigError(f"-o {path}: unknown format{nearest(path.suffix, BOARD_FORMATS)}")
        begins = CSV_HEADER if path.suffix == ".csv" else None
        check_output(path, PAGE if path.suffix == ".html" else BOARD, begins=begins)
        if path.suffix == ".html":
            check_charts()
    if reference not in (None, "superb"):
        raise ConfigError(f"reference {reference!r} is not known; expected superb")
    profiles = read_profiles(profile)
    analyses = [Analysis.read(path) for path in analysis]
    screens = screens_beside(analysis)
    rows = load_rows(results)
    other = load_rows(beside) if beside else []
    board = Board(make_leaderboard(rows, profiles=profiles, systems=system), published_rows() if reference else [])
    for path in outputs:
        if path.suffix == ".json":
            write_json(path, as_json(board.entries, board.published))
        elif path.suffix == ".csv":
            write_text(path, as_csv(board.entries, board.published))
        elif path.suffix == ".md":
            write_marked(path, BOARD, markdown(board.entries, board.published))
        else:
            write_page(
                rows, analyses, profiles, path, systems=system, published=board.published, other=other, screens=screens
            )
    return board
