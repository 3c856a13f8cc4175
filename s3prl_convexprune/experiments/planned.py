"""What a study would do: every step with its command, what it reads and how much it trains. Imports no torch."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from ..artifact import Analysis
from ..errors import ConvexPruneError, DepthError
from ..paper import paper_depth
from ..tasks.recipes import recipe_path
from ..tasks.table import get_task
from ..upstreams.names import depths_of, unknown_upstream, whole_upstreams
from ..versions import PROGRAM
from .analyses import analysis_path, expanded, needs_points, pairs
from .cuts import cut_name
from .plans import comparison_dir, experiments_dir, hyperparameter
from .rules import RULES
from .study import Base, Choose, Evaluation, Study


@dataclass(frozen=True)
class Step:
    """One step of a study.

    Attributes:
        title: what it is.
        command: the command that does this step alone.
        reads: what it needs, and whether that is there.
        amount: how much there is to do.
        done: whether an earlier run finished it.
    """

    title: str
    command: str
    reads: str
    amount: str
    done: bool = False

    def __str__(self) -> str:
        state = "done" if self.done else "to do"
        return f"# {self.title} ({state}): {self.amount}; reads {self.reads}\n{self.command}"


def steps(study: Study, given: str, output: Path, jobs: int = 1, overrides: Sequence[str] = ()) -> Iterator[Step]:
    """The steps in the order in which they run. A depth that an analysis has yet to choose is shown as ``L<rule>``.

    Args:
        study: the study.
        given: its file or name, as it was given.
        output: its folder, looked at for what is finished.
        jobs: worker processes.
        overrides: the settings that changed it.
    """

    def only(part: str) -> str:
        command = [PROGRAM, "study", given, "-o", str(output), "--only", part]
        return _shell([*command, *(["--override", *overrides] if overrides else [])])

    for base, name in pairs(study):
        yield _analysis(study, base, name, output)
    for evaluation in study.evaluate:
        for step in (_frozen if evaluation.how == "frozen" else _finetuned)(study, evaluation, output, jobs):
            # The study itself lays the embedded corpus out; no other command reads it.
            yield replace(step, command=only("cells")) if evaluation.data == "demo" else step
    yield Step(
        "report",
        only("report"),
        "the artifacts above",
        "the leaderboard, the answer and one page",
        (output / "report.html").is_file(),
    )


def _analysis(study: Study, base: Base, name: str, output: Path) -> Step:
    labelling = study.analyses[name]
    command = [PROGRAM, "analyze", "-u", base.entry, *(["-k", base.ckpt] if base.ckpt else [])]
    command += ["--corpus", labelling.corpus, *(["--root", labelling.root] if labelling.root else [])]
    command += ["--label", labelling.label, *(["--split", labelling.split] if labelling.split else [])]
    command += ["--protocol", labelling.protocol] if labelling.protocol != "exact" else []
    command += ["--per-class", str(labelling.per_class), "--neighbors", str(labelling.neighbors)]
    command += ["--context", labelling.context] if labelling.context != "segment" else []
    command += ["--group", labelling.group] if labelling.group is not None else []
    command += ["--across", labelling.across] if labelling.across is not None else []
    command += ["--keep-points"] if needs_points(study, name) else []
    command += ["--seed", str(labelling.seed), "-o", str(analysis_path(output, base, name))]
    return Step(
        f"convexity of {name} in {base.name}",
        _shell(command),
        f"{_checkpoint(base)}; {_corpus(labelling.corpus, labelling.root)}",
        f"one forward pass over at most {labelling.per_class} utterances of each {labelling.label}",
        analysis_path(output, base, name).is_file(),
    )


def _frozen(study: Study, evaluation: Evaluation, output: Path, jobs: int) -> Iterator[Step]:
    task = get_task(evaluation.task)
    names = [name for base in study.bases for name in _names(study, evaluation, base, output)]
    command = [PROGRAM, "run", "-u", *names, "-t", evaluation.task, "-o", str(experiments_dir(output))]
    command += ["--lr", *map(str, evaluation.lrs)] if evaluation.lrs else []
    command += ["--seeds", *map(str, evaluation.seeds)]
    command += ["--folds", *evaluation.folds] if evaluation.folds else []
    changed = [f"{key}={value!r}" for key, value in evaluation.overrides.items()]
    command += ["--override", *changed] if changed else []
    command += ["--jobs", str(jobs)]
    recipe = yaml.safe_load(recipe_path(task.downstream.name).read_text(encoding="utf-8"))
    length = evaluation.overrides.get("config.runner.total_steps", recipe["runner"]["total_steps"])
    cells = len(names) * len(evaluation.seeds) * max(1, len(evaluation.lrs))
    cells *= len(evaluation.folds or task.folds or (None,))
    yield Step(
        f"{task.title}, frozen, through s3prl's runner",
        _shell(command),
        "the embedded corpus" if evaluation.data == "demo" else _variable(task.data_variable),
        f"at most {cells} trainings of {length:,} steps",
    )


def _finetuned(study: Study, evaluation: Evaluation, output: Path, jobs: int) -> Iterator[Step]:
    task = get_task(evaluation.task)
    data = evaluation.data or f"${task.data_variable}"
    for base in study.bases:
        names = list(_names(study, evaluation, base, output))
        folder = comparison_dir(output, evaluation.task, base)
        command = [PROGRAM, "finetune", "-u", *names, "-t", evaluation.task, "-o", str(folder)]
        command += ["--data-folder", data, "--seeds", *map(str, evaluation.seeds)]
        command += ["--folds", *evaluation.folds] if evaluation.folds else []
        command += ["--variant", evaluation.variant] if evaluation.variant else []
        changed = [f"{key}={hyperparameter(value)}" for key, value in evaluation.overrides.items()]
        command += ["--override", *changed] if changed else []
        runs = len(names) * len(evaluation.seeds) * len(evaluation.folds or task.folds or (None,))
        yield Step(
            f"{task.title}, fine-tuned by SpeechBrain, {base.name}",
            _shell(command),
            "the embedded corpus" if data == "demo" else _folder(data),
            f"at most {runs} trainings",
        )


def _names(study: Study, evaluation: Evaluation, base: Base, output: Path) -> dict[str, None]:
    """Hub names as far as they can be known, each once."""
    path = analysis_path(output, base, study.labelling_of(evaluation))
    try:
        analysis = Analysis.read(path) if path.is_file() else None
    except ConvexPruneError:
        analysis = None
    of = analysis.layers[-1].layer if analysis else known_layers(base)
    names: dict[str, None] = {}
    label = study.analyses[study.labelling_of(evaluation)].label
    for choose in study.rules_of(evaluation):
        names |= dict.fromkeys(_chosen(study, choose, base, analysis, of, label))
    return names


def _chosen(
    study: Study, choose: Choose, base: Base, analysis: Analysis | None, of: int | None, label: str
) -> list[str]:
    if choose.rule == "whole":
        return [base.name if base.ckpt else base.entry]
    if choose.rule == "all-depths" and of is not None:
        return [cut_name(base, layers, of) for layers in range(1, of + 1)]
    if choose.rule == "paper" and of is not None:
        return [cut_name(base, paper_depth(label, of), of)]
    rule = RULES[choose.rule]
    if rule.drops or rule.needs == "points" or analysis is None or of is None:
        return [f"{base.name}_convexpruned_L<{choose.title}>"]
    return [cut_name(base, analysis.decide(choose.rule, choose.budget, study.fallback).layer, of)]


def known_layers(base: Base) -> int | None:
    """How many transformer layers an upstream has, as far as its name says.

    Raises:
        UnknownUpstreamError: s3prl's hub has no such entry.
        DepthError: it cannot be cut.
    """
    whole = whole_upstreams()
    if base.entry not in whole:
        raise unknown_upstream(base.entry)
    depths = depths_of(whole[base.entry])
    if depths.reason:
        raise DepthError(f"{base.entry} cannot be cut: {depths.reason}")
    return None if base.ckpt else depths.whole


def _shell(words: Sequence[str]) -> str:
    """One line for a shell. A path that begins with a variable in the study does so here."""
    return re.sub(r"'(\$\w+[\w./-]*)'", r'"\1"', shlex.join(words))


def _checkpoint(base: Base) -> str:
    return f"{base.entry}'s checkpoint" + (f" {base.ckpt}" if base.ckpt else "")


def _corpus(name: str, root: str | None) -> str:
    from ..corpora import CORPORA, is_path

    if root is not None or is_path(name):
        return _folder(str(root or name))
    return "the embedded corpus" if CORPORA[name].shipped else _variable(CORPORA[name].environment)


def _folder(stated: str) -> str:
    try:
        return str(expanded(stated))
    except ConvexPruneError:
        return f"{stated} (not set)"


def _variable(name: str) -> str:
    return os.environ.get(name) or f"{name} (not set)"
