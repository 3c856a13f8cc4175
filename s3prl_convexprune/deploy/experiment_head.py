"""The trained head of an s3prl experiment, read from its checkpoint, as a layer that travels with the graph."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from ..errors import CheckpointError, ConfigError, ConvexPruneError
from ..fingerprint import file_sha256
from ..safe_load import check_finite, read_checkpoint
from ..upstreams.config import UpstreamConfig
from ..upstreams.names import chosen_layers, resolve
from .head import Head, is_cut
from .linear_head import TASKS, read_linear
from .recurrent_head import read_recurrent

CHECKPOINTS = ("dev-best.ckpt", "dev-clean-best.ckpt")  # the best on dev, as the recipes call it
ARGUMENTS = ("upstream", "downstream", "upstream_feature_selection", "upstream_feature_normalize")  # that are read here
#: s3prl's name of a downstream -> what reads its head.
READERS: dict[str, Callable[..., Head]] = {**dict.fromkeys(TASKS, read_linear), "asr": read_recurrent}


def read_experiment(experiment: str | Path, config: UpstreamConfig, ckpt: str | None = None) -> Head:
    """The head that an experiment trained on a cut.

    Args:
        experiment: an experiment's folder, whose best checkpoint on dev is read, or a checkpoint.
        config: the cut.
        ckpt: the whole upstream's checkpoint; goes before the config's own.

    Raises:
        CheckpointError: there is no such checkpoint, or it is of another kind.
        ConfigError: it was trained on another upstream or checkpoint, its layers do not fit, or such a head does not
            travel.
    """
    path = Path(experiment)
    if path.is_dir():
        path = next((found for name in CHECKPOINTS if (found := path / name).is_file()), path / CHECKPOINTS[0])
    if not path.is_file():
        raise CheckpointError(
            f"--head {experiment}: there is no {path}; expected the folder of an s3prl experiment, "
            "or of a finished fine-tuning"
        )
    states = read_checkpoint(path)
    args, held, weights = states.get("Args"), states.get("Downstream"), states.get("Featurizer")
    told = all(hasattr(args, name) for name in ARGUMENTS)
    if not isinstance(args, Namespace) or not told or not isinstance(held, dict) or not isinstance(weights, dict):
        raise CheckpointError(f"--head {path}: is not a checkpoint of an s3prl experiment")
    layers = chosen_layers(config)
    if not is_cut(config, str(args.upstream)):
        raise ConfigError(f"--head {experiment}: was trained on {args.upstream}, not on {config.name}")
    trained_on, given = _checkpoint_of(args), ckpt or config.base_args.get("ckpt")
    if trained_on is not None and given is not None and not _same(str(trained_on), str(given)):
        raise ConfigError(f"--head {experiment}: was trained on the checkpoint {trained_on}, not on {given}")
    if args.downstream not in READERS:
        raise ConfigError(
            f"--head {experiment}: a head of {args.downstream} does not travel; those of {', '.join(READERS)} do"
        )
    if args.upstream_feature_selection != "hidden_states" or args.upstream_feature_normalize:
        raise ConfigError(f"--head {experiment}: does not read the weighted sum of the hidden states")
    if (weighed := len(weights.get("weights", ()))) != layers + 1:
        raise ConfigError(f"--head {experiment}: weighs {weighed} hidden states; {config.name} has {layers + 1}")
    check_finite(str(path), held)
    try:
        expert = states["Config"]["downstream_expert"]
        return READERS[args.downstream](f"--head {experiment}", args, expert, held, weights["weights"])
    except ConvexPruneError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"--head {path}: its recipe is not one of {args.downstream} ({error})") from error


def _checkpoint_of(args: Namespace) -> str | None:
    """The checkpoint that an experiment's upstream was built from: its argument, or that of its config; None if neither
    says."""
    if (given := getattr(args, "upstream_ckpt", None)) is not None:
        return str(given)
    try:
        return resolve(str(args.upstream)).base_args.get("ckpt")
    except ConvexPruneError:
        return None


def _same(trained_on: str, given: str) -> bool:
    """Whether two checkpoints are one: by what the files hold, by name where one of them is no longer there."""
    if trained_on == given:
        return True
    paths = [Path(one).expanduser() for one in (trained_on, given)]
    if all(path.is_file() for path in paths):
        return paths[0].samefile(paths[1]) or file_sha256(paths[0]) == file_sha256(paths[1])
    if all(path.exists() for path in paths):
        return paths[0].samefile(paths[1])
    return any(path.exists() for path in paths) and paths[0].name == paths[1].name
