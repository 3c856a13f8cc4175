"""Reading a study from its YAML: checked whole before anything runs, without importing torch.

A wrong key, rule, task or type is answered with its place in the file and the nearest valid choice.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, nearest
from ..numbers import MARGIN
from ..policies import FALLBACKS
from ..resources import studies_dir
from ..tasks.table import TASKS, get_task
from ..upstreams.config import FINAL_NORMS
from ..upstreams.names import check_cut_name
from ..yaml_file import read_yaml, shown
from .rules import RULES
from .study import Base, Choose, Costs, Evaluation, Labelling, Study
from .study_values import known_keys, list_of, made_of, mapping_of, one_of, there_twice

KEYS = (
    "study",
    "title",
    "upstreams",
    "analyses",
    "cuts",
    "evaluate",
    "published",
    "profile",
    "notes",
    "fallback",
    "margin",
)
BASE_KEYS = ("name", "final_norm")
#: Whose numbers may stand beside measured ones.
PUBLISHED = ("dorszewski2024",)


def read_study(name: str | Path, overrides: Sequence[str] = ()) -> Study:
    """Read a study.

    Args:
        name: a file, or the name of one that ships.
        overrides: ``key=value`` with dotted keys into the file (``evaluate.0.seeds=[1]``), values as YAML.

    Raises:
        ConfigError: there is no such study, or something in it is not as it must be; the message names the place.
    """
    path = find_study(name)
    given = read_yaml(path)
    if not isinstance(given, dict):
        raise ConfigError(f"{path}: a study is a mapping with 'study', 'upstreams', 'analyses' and 'evaluate'")
    for override in overrides:
        _override(path, given, override)
    text = _with_overrides(given, overrides) if overrides else path.read_text(encoding="utf-8-sig")
    try:
        return _study(given, text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def find_study(name: str | Path) -> Path:
    """The file of a study: a path, or the name of one that ships.

    Raises:
        ConfigError: neither; the message lists the names.
    """
    path = Path(name).expanduser()
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if not path.is_file():
            raise ConfigError(f"there is no study file {path}{nearest(path.stem, study_names())}")
        return path
    shipped = studies_dir() / f"{name}.yaml"
    if str(name) not in study_names():
        raise ConfigError(f"no study {str(name)!r}{nearest(str(name), study_names())}")
    return shipped


def study_names() -> list[str]:
    """The studies that ship."""
    return sorted(path.stem for path in studies_dir().glob("*.yaml"))


def _study(given: dict[str, Any], text: str) -> Study:
    known_keys("", given, KEYS)
    for key in ("study", "upstreams", "analyses"):
        if not given.get(key):
            raise ConfigError(f"{key!r} is missing")
    name = given["study"]
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise ConfigError(f"study {name!r}: expected a name of letters, digits, '_', '-' and '.'")
    bases = tuple(_base(entry) for entry in list_of("upstreams", given["upstreams"]))
    if twice := there_twice(base.name for base in bases):
        raise ConfigError(f"upstreams: {twice} is there twice")
    analyses = {
        str(key): made_of(f"analyses.{key}", Labelling, value)
        for key, value in mapping_of("analyses", given["analyses"]).items()
    }
    evaluate = tuple(
        _evaluation(f"evaluate.{number}", value)
        for number, value in enumerate(list_of("evaluate", given.get("evaluate") or []))
    )
    study = Study(
        name=name,
        title=str(given.get("title") or name),
        bases=bases,
        analyses=analyses,
        cuts=_rules("cuts", list_of("cuts", given.get("cuts") or ["whole"])),
        evaluate=evaluate,
        published=one_of("published", given.get("published"), PUBLISHED),
        profile=made_of("profile", Costs, given["profile"]) if given.get("profile") is not None else None,
        notes=tuple(map(str, list_of("notes", given.get("notes") or []))),
        text=text,
        fallback=one_of("fallback", given.get("fallback"), FALLBACKS),
        margin=MARGIN.check("margin", given.get("margin", Study.margin)),
    )
    for evaluation in evaluate:
        task = get_task(evaluation.task)
        if unknown := set(evaluation.folds) - set(task.folds):
            raise ConfigError(f"{task.title} has no {min(unknown)!r}{nearest(min(unknown), task.folds)}")
        chosen = study.labelling_of(evaluation)
        if chosen not in analyses:
            raise ConfigError(f"evaluation {evaluation.title}: no analysis {chosen!r}{nearest(chosen, analyses)}")
        for name in evaluation.after:
            if name not in analyses:
                raise ConfigError(f"evaluation {evaluation.title}: no analysis {name!r}{nearest(name, analyses)}")
        if evaluation.after and evaluation.how == "frozen":
            raise ConfigError(f"evaluation {evaluation.title}: 'after' is for fine-tuned upstreams")
        if evaluation.after and not {"whole", "all-depths"} & {choose.rule for choose in study.rules_of(evaluation)}:
            raise ConfigError(f"evaluation {evaluation.title}: 'after' is of whole upstreams; add 'whole' to its cuts")
        if not evaluation.seeds:
            raise ConfigError(f"evaluation {evaluation.title}: 'seeds' is empty")
    if twice := there_twice(evaluation.title for evaluation in evaluate):
        raise ConfigError(f"evaluate: {twice} is there twice; another study may have the other")
    return study


def _evaluation(where: str, given: Any) -> Evaluation:
    given = dict(mapping_of(where, given))
    cuts = given.pop("cuts", None)
    made: Evaluation = made_of(where, Evaluation, given)
    if made.task not in TASKS:
        raise ConfigError(f"{where}: no task {made.task!r}{nearest(made.task, TASKS)}")
    if cuts is None:
        return made
    return dataclasses.replace(made, cuts=_rules(f"{where}.cuts", list_of(f"{where}.cuts", cuts)))


def _base(given: Any) -> Base:
    """``hubert``, or ``{hf_wav2vec2_custom: vasista22/ccc-wav2vec2-base}``, with a ``name`` of its own if wanted and
    with what becomes of the last LayerNorm of its cuts."""
    if isinstance(given, str):
        return Base(given, given)
    if isinstance(given, dict) and len(rest := {key: given[key] for key in given if key not in BASE_KEYS}) == 1:
        entry, ckpt = next(iter(rest.items()))
        final_norm = one_of("upstreams: final_norm", given.get("final_norm"), FINAL_NORMS)
        if isinstance(entry, str) and isinstance(ckpt, str | None):
            stem = (ckpt or entry).rstrip("/").rsplit("/", 1)[-1].removesuffix(".pt")
            name = str(given.get("name") or re.sub(r"\W", "_", stem, flags=re.ASCII))
            check_cut_name("upstreams: name", name, entry, None)
            return Base(name, entry, ckpt, final_norm)
    raise ConfigError(f"upstreams: {shown(given)}: expected a hub name, or {{entry: checkpoint}}")


def _rules(where: str, given: Iterable[Any]) -> tuple[Choose, ...]:
    """``argmax``, or ``{budget: {max_macs: 0.6}}``."""
    rules = []
    for entry in given:
        name: Any = entry
        options: Any = {}
        if isinstance(entry, dict) and len(entry) == 1:
            name, options = next(iter(entry.items()))
        if not isinstance(name, str) or not isinstance(options, dict):
            raise ConfigError(f"{where}: {shown(entry)}: expected a rule, or {{rule: {{option: value}}}}")
        if name not in RULES:
            raise ConfigError(f"{where}: no rule {name!r}{nearest(name, RULES)}")
        known_keys(f"{where}.{name}", options, (*RULES[name].options, *RULES[name].any_of))
        for option in RULES[name].options:
            if option not in options:
                raise ConfigError(f"{where}: the rule {name} needs {option}, such as {{{name}: {{{option}: 0.6}}}}")
        rules.append(Choose(name, options))
        try:
            _ = rules[-1].budget
        except ConfigError as error:
            raise ConfigError(f"{where}.{name}: {error}") from None
    return tuple(rules)


def _override(path: Path, given: Any, override: str) -> None:
    key, equals, text = override.partition("=")
    node, parts = given, key.split(".")
    try:
        if not equals:
            raise KeyError
        for part in parts[:-1]:
            node = node[int(part)] if isinstance(node, list) else node[part]
        node[int(parts[-1]) if isinstance(node, list) else parts[-1]] = yaml.safe_load(text)
    except (KeyError, IndexError, TypeError, ValueError, yaml.YAMLError):
        raise ConfigError(
            f"{path}: --override {override!r}: expected KEY=VALUE with a key of the file, such as evaluate.0.seeds=[1]"
        ) from None


def _with_overrides(given: dict[str, Any], overrides: Sequence[str]) -> str:
    """The text of a study whose values were changed: it alone says the same study."""
    heading = "".join(f"# --override {' '.join(override.split())}\n" for override in overrides)
    return heading + yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=120)
