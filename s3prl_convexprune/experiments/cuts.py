"""From analyses to cuts with a name on the hub: what each rule of a study chooses for each upstream."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from .. import atomic
from ..artifact import Analysis
from ..upstreams.config_search import SEARCH_PATH_VARIABLE
from .analyses import read_analysis
from .rules import RULES, SUBSETS
from .study import Base, Choose, Evaluation, Study


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


def cuts_of(study: Study, evaluation: Evaluation, output: Path, device: str = "cpu") -> list[Cut]:
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
        for cut in apply(study, choose, base, name, output, device)
    ]


def apply(study: Study, choose: Choose, base: Base, analysis_name: str, output: Path, device: str) -> list[Cut]:
    """What one rule chooses for one upstream."""
    analysis = read_analysis(output, base, analysis_name)
    of = analysis.layers[-1].layer
    if choose.rule in SUBSETS:
        from .subsets import write_subset

        layers = max(1, analysis.choose("argmax").layer)
        return [Cut(base, choose, analysis_name, layers, of, write_subset(choose.rule, layers, base, output))]
    return [
        Cut(base, choose, analysis_name, layers, of, hub_name(base, layers, of, output))
        for layers in _depths(study, choose, base, analysis_name, analysis, output, device)
    ]


def _depths(
    study: Study, choose: Choose, base: Base, name: str, analysis: Analysis, output: Path, device: str
) -> list[int]:
    of = analysis.layers[-1].layer
    if choose.rule == "whole":
        return [of]
    if choose.rule == "all-depths":
        return list(range(1, of + 1))
    if RULES[choose.rule].needs == "points":
        from .rivals import rival_depth

        return [rival_depth(study, choose.rule, base, name, analysis, output, device)]
    return [analysis.decide(choose.rule, fallback=study.fallback, **choose.options).layer]


def cut_name(base: Base, layers: int, of: int) -> str:
    """What an upstream's cut is called on the hub; the whole upstream's own name where nothing is cut.

    >>> hubert, ccc = Base("hubert", "hubert"), Base("ccc", "hf_wav2vec2_custom", "org/ccc")
    >>> cut_name(hubert, 6, 12), cut_name(hubert, 12, 12), cut_name(ccc, 6, 12), cut_name(ccc, 12, 12)
    ('hubert_convexpruned_L6', 'hubert', 'ccc_convexpruned_6_of_12', 'ccc')
    """
    if layers == of:
        return base.entry if base.ckpt is None else base.name
    if base.ckpt is None and layers > 0:
        return f"{base.entry}_convexpruned_L{layers}"
    return f"{base.name}_convexpruned_{layers}_of_{of}"  # a config's name: L<k> stands for the hub's own upstreams


def hub_name(base: Base, layers: int, of: int, output: Path) -> str:
    """`cut_name`, with a config beside the study's results for a name that does not say everything itself.

    That is a base that takes a checkpoint, or a cut that keeps no layer.
    """
    name = cut_name(base, layers, of)
    if base.ckpt is None and layers > 0:
        return name
    config = {"name": name, "base": base.entry, "layers": layers}
    if base.ckpt is not None:
        config["base_args"] = {"ckpt": base.ckpt}
    path = configs_dir(output) / f"{name}.yaml"
    text = yaml.safe_dump(config, sort_keys=False)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        atomic.write_text(path, text)
    return name
