"""What a study needs, checked before its first step: upstreams, corpora, recipes' folders and packages, rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..corpora import CORPORA, corpus_root, is_path, kind_of
from ..corpora.manifest import with_label
from ..errors import ConfigError, CorpusError, nearest
from ..numbers import MARGIN
from ..paper import paper_depth
from ..tasks.recipes import fill_paths, recipe_path, variants
from ..tasks.requirements import require_packages
from ..tasks.table import get_task
from ..upstreams.checks import check_upstream
from ..upstreams.names import depths_of, whole_upstreams
from .analyses import analysis_path, corpus_of, expanded, filled
from .finetuned.comparison import check_overrides
from .planned import known_layers
from .plans import data_folder
from .rules import RULES
from .study import Evaluation, Labelling, Study
from .subsets import check_family


def check_names(study: Study) -> None:
    """Refuse what no machine could run: unknown upstreams and corpora, rules that cannot be applied.

    Raises:
        ConvexPruneError: the first thing that is wrong.
    """
    layers = {base: known_layers(base) for base in study.bases}
    for base in study.bases:
        if base.ckpt is not None and base.name in whole_upstreams():
            raise ConfigError(
                f"upstreams: the checkpoint {base.ckpt} would be called {base.name}, which s3prl's hub has already; "
                f"give it another: {{{base.entry}: {base.ckpt}, name: my_{base.name}}}"
            )
    for name, labelling in study.analyses.items():
        if is_path(labelling.corpus):
            continue
        if labelling.corpus not in CORPORA:
            raise CorpusError(f"analysis {name}: no corpus {labelling.corpus!r}{nearest(labelling.corpus, CORPORA)}")
        labels = CORPORA[labelling.corpus].labels
        if labelling.label not in labels:
            raise CorpusError(
                f"analysis {name}: corpus {labelling.corpus!r} has no label {labelling.label!r}"
                f"{nearest(labelling.label, labels)}"
            )
    for evaluation in study.evaluate:
        known = variants(get_task(evaluation.task))
        if evaluation.variant is not None and evaluation.variant not in known:
            raise ConfigError(
                f"evaluation {evaluation.title}: the recipe has no variant {evaluation.variant!r}"
                f"{nearest(evaluation.variant, known)}"
            )
        if evaluation.how == "finetuned":
            check_overrides(evaluation.task, evaluation.overrides)
        label = study.analyses[study.labelling_of(evaluation)].label
        for choose in study.rules_of(evaluation):
            if choose.rule == "non-inferior":
                MARGIN.check("margin", choose.options["margin"])
            for base in study.bases if choose.rule == "paper" else ():
                paper_depth(label, layers[base] or 12)
            for base in study.bases if RULES[choose.rule].drops else ():
                check_family(base, depths_of(whole_upstreams()[base.entry]).family)


def check_machine(study: Study) -> None:
    """Refuse what this machine cannot run: checkpoints, corpora, folders and packages that are not there.

    Raises:
        ConvexPruneError: the first thing that is missing.
    """
    for base in study.bases:
        check_upstream(base.entry, base.ckpt)
    for labelling in study.analyses.values():
        _corpus(labelling)
    for evaluation in study.evaluate:
        if evaluation.how == "frozen":
            _recipe(evaluation)
            continue
        if evaluation.data != "demo":
            data_folder(evaluation)


def check_labels(study: Study, output: Path) -> None:
    """Refuse a corpus at a path that lacks its label or split, which only its rows tell; where an analysis is due.

    Raises:
        CorpusError: the label or split, or the corpus is damaged.
    """
    for name, labelling in study.analyses.items():
        if is_path(labelling.corpus) and not all(analysis_path(output, base, name).is_file() for base in study.bases):
            with_label(corpus_of(study, name), labelling.label, labelling.split)


def _corpus(labelling: Labelling) -> None:
    root = None if labelling.root is None else expanded(labelling.root)
    if is_path(labelling.corpus):
        kind_of(filled(labelling.corpus))
    elif not CORPORA[labelling.corpus].shipped:
        corpus_root(CORPORA[labelling.corpus], root)


def _recipe(evaluation: Evaluation) -> None:
    task = get_task(evaluation.task)
    require_packages(task.downstream.name)
    if evaluation.data == "demo":
        return
    if evaluation.data is not None:
        raise ConfigError(
            f"evaluation {evaluation.title}: 'data' is 'demo' or for 'how: finetuned'; a frozen recipe takes its "
            "folders from the environment or from 'overrides'"
        )
    recipe: dict[str, Any] = yaml.safe_load(recipe_path(task.downstream.name).read_text(encoding="utf-8"))
    for key, value in evaluation.overrides.items():
        node: Any = {"config": recipe}
        *parents, last = key.split(".")
        for part in parents:
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[last] = value
    fill_paths(task.downstream.name, recipe)
