"""From analyses to cuts with a name on the hub: what each rule of a study chooses for each upstream."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from .. import atomic
from ..artifact import Analysis
from ..upstreams.config_search import SEARCH_PATH_VARIABLE
from .analyses import read_analysis
from .rules import RULES
from .study import Base, Choose, Evaluation, Study

#: What a name says of the last LayerNorm where the study states that.
STATED = {None: "", "keep": "_final_norm", "drop": "_no_final_norm"}


@dataclass(frozen=True)
class Cut:
    """What a rule chose for an upstream.

    Attributes:
        base: the whole upstream.
        choose: the rule.
        analysis: name of the study's analysis behind the choice.
        layers: how many transformer layers are kept.
        of: how many the whole upstream has.
        name: the cut's name on the hub.
    """

    base: Base
    choose: Choose
    analysis: str
    layers: int
    of: int
    name: str


def configs_dir(output: Path) -> Path:
    """Where a study writes the upstream configs of its cuts."""
    return output / "upstream_configs"


def put_on_hub(output: Path) -> None:
    """Let this process and those that it starts find the study's configs."""
    given = os.environ.get(SEARCH_PATH_VARIABLE, "").split(os.pathsep)
    folder = str(configs_dir(output).resolve())
    os.environ[SEARCH_PATH_VARIABLE] = os.pathsep.join(dict.fromkeys([*filter(None, given), folder]))


def cuts_of(study: Study, evaluation: Evaluation, output: Path) -> list[Cut]:
    """Every cut that an evaluation compares, upstream by upstream, in the order of its rules.

    Raises:
        ArtifactError: an analysis is not there.
        ConvexPruneError: a rule cannot be applied.
    """
    name = study.labelling_of(evaluation)
    return [
        cut
        for base in study.bases
        for choose in study.rules_of(evaluation)
        for cut in apply(study, choose, base, name, output)
    ]


def apply(study: Study, choose: Choose, base: Base, analysis_name: str, output: Path) -> list[Cut]:
    """What one rule chooses for one upstream."""
    analysis = read_analysis(output, base, analysis_name)
    of = analysis.layers[-1].layer
    return [
        Cut(base, choose, analysis_name, len(layers), of, _named(base, layers, analysis, output))
        for layers in _kept(study, choose, base, analysis_name, analysis, output)
    ]


def _kept(study: Study, choose: Choose, base: Base, name: str, analysis: Analysis, output: Path) -> list[Sequence[int]]:
    """For each of a rule's cuts the layers that it keeps, counted from 1."""
    of = analysis.layers[-1].layer
    if choose.rule == "whole":
        return [range(1, of + 1)]
    if choose.rule == "all-depths":
        return [range(1, depth + 1) for depth in range(1, of + 1)]
    if choose.rule in ("screen", "non-inferior"):
        from .rivals import screened_depth

        return [range(1, screened_depth(base, name, analysis, output, choose.options.get("margin")) + 1)]
    argmax = max(1, analysis.choose("argmax").layer)
    if RULES[choose.rule].needs == "points":
        from .rivals import rival_choice

        return [rival_choice(choose.rule, base, name, analysis, argmax, output).layers]
    if RULES[choose.rule].drops:
        from .subsets import kept_layers

        return [kept_layers(choose.rule, argmax, of)]
    return [range(1, analysis.decide(choose.rule, choose.budget, study.fallback).layer + 1)]


def _named(base: Base, layers: Sequence[int], analysis: Analysis, output: Path) -> str:
    """The name of a set of layers; what is a cut at the top has that cut's, whichever rule chose it."""
    if list(layers) == list(range(1, len(layers) + 1)):
        return hub_name(base, len(layers), analysis.layers[-1].layer, output)
    from .subsets import write_subset

    return write_subset(base, layers, output, analysis.checkpoint.weights_sha256)


def cut_name(base: Base, layers: int, of: int) -> str:
    """What an upstream's cut is called on the hub; the whole upstream's own name where nothing is cut.

    >>> hubert, ccc = Base("hubert", "hubert"), Base("ccc", "hf_wav2vec2_custom", "org/ccc", "keep")
    >>> cut_name(hubert, 6, 12), cut_name(hubert, 12, 12), cut_name(ccc, 6, 12), cut_name(ccc, 12, 12)
    ('hubert_convexpruned_L6', 'hubert', 'ccc_convexpruned_6_of_12_final_norm', 'ccc')
    """
    if layers == of:
        return base.entry if base.ckpt is None else base.name
    if _names_itself(base, layers):
        return f"{base.entry}_convexpruned_L{layers}"
    # a config's name: L<k> stands for the hub's own upstreams
    return f"{base.name}_convexpruned_{layers}_of_{of}{STATED[base.final_norm]}"


def hub_name(base: Base, layers: int, of: int, output: Path) -> str:
    """`cut_name`, with a config beside the study's results for a name that does not say everything itself."""
    name = cut_name(base, layers, of)
    if _names_itself(base, layers) or (layers == of and base.ckpt is None):
        return name
    config = {"name": name, "base": base.entry, "layers": layers}
    if base.ckpt is not None:
        config["base_args"] = {"ckpt": base.ckpt}
    if base.final_norm is not None and layers < of:
        config["final_norm"] = base.final_norm
    path = configs_dir(output) / f"{name}.yaml"
    text = yaml.safe_dump(config, sort_keys=False)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        atomic.write_text(path, text)
    return name


def _names_itself(base: Base, layers: int) -> bool:
    """Not a base that takes a checkpoint, a cut that keeps no layer or one whose last LayerNorm is stated."""
    return base.ckpt is None and layers > 0 and base.final_norm is None
