"""From an analysis to a depth, in words and as an upstream config that works as it is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..artifact import Analysis, Choice
from ..artifact.choosing import at_depth
from ..budget import Budget
from ..errors import ConfigError
from ..numbers import MARGIN
from ..outputs import check_output, write_marked
from ..policies import DEFAULT_POLICY
from ..resources import upstream_configs_dir
from ..upstreams.config import check_name
from ..upstreams.meaning import meaning_of
from ..upstreams.names import check_cut_name

if TYPE_CHECKING:
    from .screen import ScreenRow

CONFIG = "upstream config"


@dataclass(frozen=True)
class Selected:
    """What `select` decided.

    Args:
        choice: the depth.
        config: the upstream config, as its YAML holds it.
        path: where that YAML was written.
        explanation: what was chosen, what it gives up and what it saves, in a few lines.
    """

    choice: Choice
    config: dict[str, Any]
    path: Path
    explanation: str


def select(
    analysis_path: str | Path,
    policy: str = DEFAULT_POLICY,
    *,
    max_params: float | None = None,
    max_macs: float | None = None,
    max_mb: float | None = None,
    max_latency_ms: float | None = None,
    max_rtf: float | None = None,
    times: str | Path | None = None,
    fallback: str | None = None,
    margin: float | None = None,
    name: str | None = None,
    task: str | None = None,
    output: str | Path | None = None,
) -> Selected:
    """Choose a depth and write the upstream config.

    Args:
        analysis_path: an `analysis.json`.
        policy: ``argmax``, ``within-sem``, ``budget`` or ``paper``, see `Analysis.choose`; or ``non-inferior``, by the
            screen beside the analysis: the shallowest depth whose predicted accuracy is not worse than the whole
            upstream's by more than `margin`.
        margin: for ``non-inferior``: accuracy points, stated beforehand.
        max_params, max_macs, max_mb, max_latency_ms, max_rtf, times: for ``budget``: the limits that a depth has to
            keep, see `budget.Budget`.
        fallback: the policy that chooses when the curve decides nothing, or ``whole`` to cut nothing then.
        name: the upstream's name on the hub; `<base>_convexpruned_<label>` when None. The name of a config that
            ships with this package, such as `hubert_convexpruned_words`, is taken only when it is given here: the
            new config then goes before the shipped one.
        task: the SUPERB task the depth was chosen for, when it was.
        output: the YAML; `<name>.yaml` beside the analysis when None.

    Raises:
        ArtifactError: the analysis cannot be read, or what is at `output` is no config that this wrote.
        UndecidedError: the curve decides nothing and there is no fallback; nothing is written.
        ConfigError: the policy cannot be applied, or the name cannot be a hub name.
    """
    limits = {
        "max_params": max_params,
        "max_macs": max_macs,
        "max_mb": max_mb,
        "max_latency_ms": max_latency_ms,
        "max_rtf": max_rtf,
        "times": times if times is None else Path(times),
    }
    budget = Budget(**limits) if any(limit is not None for limit in limits.values()) else None  # type: ignore[arg-type]
    analysis_path = Path(analysis_path)
    analysis = Analysis.read(analysis_path)
    name = name or _default_name(analysis)
    if name == analysis.upstream:
        raise ConfigError(f"the cut needs a name of its own, not its base's {name!r}")
    if meaning_of(analysis.upstream) is not None:
        raise ConfigError(f"{analysis.upstream} is itself a cut; analyse the whole upstream to choose a depth of it")
    check_name("--name", name)
    output = check_output(output or analysis_path.with_name(f"{name}.yaml"), CONFIG)
    screened, final_norm = _not_inferior(analysis_path, analysis, policy, margin)
    if screened is None:
        choice = analysis.decide(policy, budget, fallback)
    else:
        choice = at_depth(analysis, screened.depth, policy)
    check_cut_name("--name", name, analysis.upstream, choice.layer)
    config: dict[str, Any] = {"name": name, "base": analysis.upstream, "layers": choice.layer}
    if ckpt := analysis.checkpoint.path:
        local = Path(ckpt).expanduser()
        config["base_args"] = {"ckpt": str(local.resolve()) if local.exists() else ckpt}
    if final_norm is not None:  # what the screen foresaw is of cuts that have it so
        config["final_norm"] = final_norm
    if task:
        config["task"] = task
    config["provenance"] = {
        "policy": choice.policy,
        **({"undecided": choice.undecided} if choice.undecided else {}),
        **(budget.limits() if budget and choice.policy == "budget" else {}),
        **({"margin": margin} if margin is not None else {}),
        "label": analysis.label,
        "corpus": analysis.corpus.name,
        "corpus_fingerprint": analysis.corpus.fingerprint,
        "weights_sha256": analysis.checkpoint.weights_sha256,
        "analysis_key": analysis.settings.key,
        **({"measured_after": f"fine-tuning on {tuned.task}"} if (tuned := analysis.checkpoint.finetuned) else {}),
    }
    write_marked(output, CONFIG, yaml.safe_dump(config, sort_keys=False, allow_unicode=True), ("# ", ""))
    explanation = explain(analysis, choice)
    if screened is not None:
        explanation += (
            f"\n  predicted accuracy {screened.accuracy:.1f} % [{screened.low:.1f}, {screened.high:.1f}], to the whole "
            f"upstream {screened.difference:+.1f} [{screened.difference_low:+.1f}, {screened.difference_high:+.1f}]: "
            f"not worse by more than {margin:g}"
        )
    return Selected(choice, config, output, explanation)


def _not_inferior(
    path: Path, analysis: Analysis, policy: str, margin: float | None
) -> tuple[ScreenRow | None, str | None]:
    """What ``non-inferior`` chooses and what the screen says of the last LayerNorm; two None for another policy."""
    if (policy == "non-inferior") != (margin is not None):
        needs = "needs" if policy == "non-inferior" else "is the only one that takes"
        raise ConfigError(f"the policy non-inferior {needs} --margin (margin), in points of accuracy, such as 1.0")
    if margin is None:
        return None, None
    MARGIN.check("--margin", margin)
    from .screen import Screen, screen_path

    screened = Screen.read(screen_path(path))
    if screened.analysis_key != analysis.settings.key:
        raise ConfigError(f"{screen_path(path)} is of another analysis; run 'screen {path}' again")
    return screened.non_inferior(margin), screened.final_norm


def _default_name(analysis: Analysis) -> str:
    name = re.sub(r"\W", "_", f"{analysis.upstream}_convexpruned_{analysis.label}")
    if (upstream_configs_dir() / f"{name}.yaml").exists():
        raise ConfigError(
            f"{name} is the paper's own cut, which ships with this package; give this one a name with --name"
        )
    return name


def explain(analysis: Analysis, choice: Choice) -> str:
    """What was chosen, what it gives up and what it saves."""
    rows = {row.layer: row for row in analysis.layers}
    scores = {layer: (score, error) for layer, score, error in analysis.curve()}
    chosen, whole = rows[choice.layer], analysis.layers[-1]
    (score, error), (best, best_error) = scores[choice.layer], scores[choice.best]
    lines = [
        f"{analysis.subject}, {analysis.label} on {analysis.corpus.name}: keep {choice.layer} of {whole.layer} "
        f"transformer layers ({choice.policy})"
    ]
    if choice.undecided:
        lines.append(f"  {choice.undecided}; the fallback chose")
    if choice.budget:
        lines.append(f"  {choice.budget}")
    if choice.probability_best is None:
        lines.append(f"  convexity {score:.2f} %; {analysis.grouping.note}")
    else:
        lines.append(
            f"  convexity {score:.2f} +- {error:.2f} % ({analysis.grouping.words}), "
            f"the most convex of {len(rows)} layers with probability {choice.probability_best:.2f}"
        )
    if choice.layer != choice.best:
        lines.append(f"  gives up {best - score:.2f} points against L{choice.best} ({best:.2f}{_error(best_error)} %)")
    if chosen.macs is not None and whole.macs and chosen.params is not None and whole.params:
        lines.append(
            f"  saves {100 * (1 - chosen.params / whole.params):.1f} % of the parameters "
            f"and {100 * (1 - chosen.macs / whole.macs):.1f} % of the MACs"
        )
    if choice.layer == whole.layer:
        lines.append("  nothing is cut: the last layer was chosen")
    if choice.layer == 0:
        lines.append("  no transformer layer is kept: the front end's output is the only hidden state")
    return "\n".join(lines)


def _error(error: float) -> str:
    return "" if math.isnan(error) else f" +- {error:.2f}"
