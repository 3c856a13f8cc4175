"""Run a study: analyses, cuts, cells, costs, report. Each step keeps what an earlier run finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import atomic
from ..errors import ConfigError, nearest
from ..schema import read_text
from ..yaml_file import read_yaml
from . import analyses
from .cells.run import finished, run_cells
from .cells.workers import Workers
from .checks import check_labels, check_machine, check_names
from .cuts import Cut, cuts_of, put_on_hub
from .frozen.together.groups import check_together
from .plans import parts
from .report import check_report, report
from .study import Study

STEPS = ("analyses", "cells", "report")


def run_study(
    study: Study,
    output: str | Path,
    *,
    only: str | None = None,
    jobs: int = 1,
    together: int | None = None,
    shard: tuple[int, int] = (1, 1),
    launcher: str = "processes",
    launcher_options: Mapping[str, Any] | None = None,
    device: str | None = None,
) -> Path | None:
    """Run a study, from nothing or from where it was killed.

    Args:
        study: the study.
        output: the folder for everything it makes.
        only: one of `STEPS`; the earlier ones must have been run. None runs all.
        jobs: worker processes, or the launcher's jobs.
        together: how many frozen cells may share a forward pass, see `planning.make_plan`.
        shard: ``(i, n)``: every n-th analysis and group of cells only, from the i-th on; the report is then left to a
            run without it.
        launcher, launcher_options: see `cells.workers.Workers`.
        device: torch device; None takes the GPU if there is one. Where a launcher runs the cells it is theirs, and what
            runs here, analyses and costs, has it where this machine does.

    Returns:
        The page, when the report was made.

    Raises:
        ConvexPruneError: bad input, before any work where it can be known; a failed cell, after the others ran.
    """
    if only is not None and only not in STEPS:
        raise ConfigError(f"--only {only}{nearest(only, STEPS)}")
    check_together(together)
    workers = Workers(jobs, shard, launcher, launcher_options)
    index, count = shard
    output = atomic.check_place(Path(output).resolve(), folder=True)
    here = _device_here(device, workers)
    device = device if workers.elsewhere else here
    check_names(study)
    check_machine(study)
    check_report(output)
    if only in (None, "analyses"):
        check_labels(study, output)
    _claim(study, output)
    put_on_hub(output)
    if only in (None, "analyses"):
        for base, name in analyses.pairs(study)[index - 1 :: count]:
            analyses.analyse(study, base, name, output, here)
    if only == "analyses" or (count > 1 and not _analysed(study, output)):
        return None
    chosen = {evaluation.title: cuts_of(study, evaluation, output) for evaluation in study.evaluate}
    if only in (None, "cells"):
        _run_cells(study, chosen, output, device, here, workers, together)
    if only == "cells" or count > 1:
        return None
    return report(study, chosen, output, here)


def _device_here(device: str | None, workers: Workers) -> str:
    """The device of what runs on this machine.

    Raises:
        ConfigError: it is not there, and what was asked for is not for other machines' cells.
    """
    from ..devices import choose_device

    try:
        return choose_device(device)
    except ConfigError:
        if not workers.elsewhere:
            raise
        return choose_device()


def _claim(study: Study, output: Path) -> None:
    """Keep the study's own text beside its results, and refuse a folder of another study.

    Raises:
        ConfigError: the folder holds another study, or what lies in the place of a study is none.
    """
    path = output / "study.yaml"
    if path.is_file():
        before = read_yaml(path)
        if not isinstance(before, dict) or before.get("study") != study.name:
            raise ConfigError(f"{output} holds another study; use another output folder")
    if not path.is_file() or read_text(path) != study.text:
        atomic.write_text(path, study.text)


def _analysed(study: Study, output: Path) -> bool:
    return all(analyses.analysis_path(output, base, name).is_file() for base, name in analyses.pairs(study))


def _run_cells(
    study: Study,
    chosen: Mapping[str, Sequence[Cut]],
    output: Path,
    device: str | None,
    here: str,
    workers: Workers,
    together: int | None,
) -> None:
    for part in parts(study, chosen, output, device):
        if part.base is None:
            plan, theirs = replace(part.plan, together=together), workers
        else:  # their times are compared: on one machine each is alone
            plan, theirs = part.plan, workers if workers.elsewhere else replace(workers, jobs=1)
        run_cells(plan, theirs).raise_failed()
        whole = plan.cells[0]  # the first seed's and fold's
        if part.base is not None and part.evaluation is not None and finished(plan, whole):
            for name in part.evaluation.after:
                weights = plan.folder(whole)
                analyses.analyse(study, part.base, name, output, here, part.evaluation.task, weights)
