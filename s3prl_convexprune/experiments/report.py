"""A study's report: its results in one file, its leaderboard, its decisions, and one page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..artifact import Analysis
from ..artifact.choosing import why_undecided
from ..outputs import check_output, write_marked
from ..results.leaderboard import make_leaderboard
from ..results.reading import write_results
from ..results.result import Result, Results
from ..results.tables import BOARD, markdown
from ..upstreams.profile import Profile, Profiles, read_profiles
from . import analyses, decisions, published
from .cells.run import finished_rows
from .cuts import Cut, cut_name
from .plans import parts
from .study import Study
from .verdicts.tables import tables

ANSWER = "answer"


def check_report(output: Path) -> None:
    """Refuse, before any work, a folder where the report would destroy something.

    Raises:
        ArtifactError: a file that is not of an earlier report has the place of one.
        InstallationError: what draws the page's figures is not installed.
    """
    from ..report.page import PAGE
    from ..report.vega import check_charts

    check_charts()
    for name, kind, version in (
        ("answer.txt", ANSWER, 1),
        ("leaderboard.md", BOARD, 1),
        ("report.html", PAGE, 1),
        ("results.json", Results.FORMAT, Results.VERSION),
        ("profile.json", Profiles.FORMAT, Profiles.VERSION),
    ):
        check_output(output / name, kind, version)


def report(study: Study, chosen: Mapping[str, Sequence[Cut]], output: Path, device: str) -> Path:
    """Write the report of a study whose cells are finished, and print its answer.

    Args:
        study: the study.
        chosen: title of an evaluation -> its cuts.
        output: the study's folder.
        device: where upstreams are profiled.

    Returns:
        The page.

    Raises:
        ArtifactError: results are missing, or do not belong together.
    """
    from ..report import decision
    from ..report.page import write_page
    from ..report.screens import screens_beside

    before = {(base.name, name): analyses.read_analysis(output, base, name) for base, name in analyses.pairs(study)}
    pairs = [
        (before[base.name, name], analyses.read_analysis(output, base, name, evaluation.task))
        for evaluation in study.evaluate
        for name in evaluation.after
        for base in study.bases
    ]
    profiles = profile(study, chosen, output, device)
    rows = results(study, chosen, output, device)
    systems = _systems(study, chosen)
    wholes = {cut.name: cut_name(cut.base, cut.of, cut.of) for cuts in chosen.values() for cut in cuts}
    entries = make_leaderboard(rows, profiles=profiles, systems=systems, wholes=wholes) if rows else []
    frozen = {evaluation.task: chosen[evaluation.title] for evaluation in study.evaluate if evaluation.how == "frozen"}
    flat = {pair for pair, analysis in before.items() if why_undecided(analysis)}
    keys = {pair: analysis.settings.key for pair, analysis in before.items()}
    found = decisions.decisions(entries, frozen, study.fallback, flat, study.margin, keys)
    screens = screens_beside(analyses.analysis_path(output, base, name) for base, name in analyses.pairs(study))
    if rows:
        write_marked(output / "leaderboard.md", BOARD, markdown(entries))
    text = ["", *decision.text(found)]
    text += tables(study, chosen, rows, before, screens)
    if study.published:
        text += ["", *published.curves([*before.values()])]
    text += finetuning(pairs)
    text += published.changes(study, chosen, rows)
    write_marked(output / "answer.txt", ANSWER, "\n".join(text).lstrip() + "\n", ("# ", ""))
    print("\n".join(text))
    made = [*before.values(), *(after for _, after in pairs)]
    page = write_page(
        rows,
        made,
        profiles,
        output / "report.html",
        study.notes,
        decisions=found,
        systems=systems,
        wholes=wholes,
        screens=screens,
        title=study.title,
    )
    print(f"\n{page}")
    return page


def finetuning(pairs: Sequence[tuple[Analysis, Analysis]]) -> list[str]:
    """What fine-tuning did to convexity, in the last layer and in the most convex one, as Markdown.

    Args:
        pairs: the analysis of a pretrained upstream, and the same after it was fine-tuned.
    """
    if not pairs:
        return []
    lines = ["", "| convexity | last layer before | after | most convex before | after |", "| - | -: | -: | -: | -: |"]
    for before, after in pairs:
        curves = before.curve(), after.curve()
        most = [max(curve, key=lambda point: point[1]) for curve in curves]
        cells = [f"{curve[-1][1]:.1f} %" for curve in curves]
        cells += [f"{score:.1f} % (L{layer})" for layer, score, _ in most]
        lines.append(f"| {after.title} | {' | '.join(cells)} |")
    return lines


def results(study: Study, chosen: Mapping[str, Sequence[Cut]], output: Path, device: str) -> list[Result]:
    """The rows of every cell, frozen and fine-tuned, also written to `results.json`.

    Raises:
        ArtifactError: a cell is not finished.
    """
    rows = [row for part in parts(study, chosen, output, device) for row in finished_rows(part.plan)]
    write_results(output / "results.json", [replace(row, folder=os.path.relpath(row.folder, output)) for row in rows])
    return rows


def profile(study: Study, chosen: Mapping[str, Sequence[Cut]], output: Path, device: str) -> list[Profile]:
    """Parameters, MACs and real-time factor of each upstream that was scored; kept from an earlier report."""
    if study.profile is None:
        return []
    names = list(dict.fromkeys(cut.name for cuts in chosen.values() for cut in cuts))
    path = output / "profile.json"
    kept = read_profiles([path]) if path.is_file() else []
    if {row.upstream for row in kept} == set(names):
        return kept
    from ..upstreams.profiling import profile as measure

    costs = study.profile
    return measure(names, path, device=device, seconds=costs.seconds, batches=costs.batches, repeats=costs.repeats)


def _systems(study: Study, chosen: Mapping[str, Sequence[Cut]]) -> dict[str, dict[str, str]]:
    """For each upstream and rule the row made of what the rule chose for each frozen task."""
    systems: dict[str, dict[str, str]] = {}
    for evaluation in study.evaluate:
        for cut in chosen[evaluation.title] if evaluation.how == "frozen" else ():
            if cut.choose.rule not in ("whole", "all-depths"):
                systems.setdefault(f"{cut.base.name}, {cut.choose.title}", {})[evaluation.task] = cut.name
    return systems
