"""What happens when s3prl's runner is loaded by `run_downstream.py`, however that was started.

``run_downstream.py`` on PATH, ``python -m s3prl.run_downstream``, a clone's ``python run_downstream.py`` and torchrun
all import `s3prl.downstream.runner` before they read their arguments. That is where the recipe is put in for a missing
``-c``, where torchrun's processes join, and where the runner learns to fill and check corpus folders.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import pkgutil
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import yaml

from .. import compat
from ..compat import distributed
from ..devices import choose_device
from ..errors import ConfigError, ConvexPruneError, InstallationError, nearest
from ..sampling import SAMPLE_RATE
from ..tasks.recipes import RECIPES, fill_paths, recipe_path
from ..tasks.requirements import require_packages
from ..upstreams.names import check_checkpoint
from ..versions import S3PRL_PROGRAM
from ..yaml_file import read_yaml
from .training_numbers import check_training


def prepare(runner: ModuleType) -> None:
    """Make s3prl's runner fill corpus folders; in a `run_downstream.py` process also set up its arguments.

    Args:
        runner: the module `s3prl.downstream.runner`, just imported.
    """
    compat.runner_setup.before_setup(runner, check_run)
    compat.runner_setup.around(runner, "_get_upstream", lambda run, build: build_upstream(run.args, build))
    compat.runner_setup.around(runner, "_get_featurizer", select_states)
    if Path(sys.argv[0]).name != S3PRL_PROGRAM:
        return
    sys.excepthook = _explain
    try:
        sys.argv[1:] = set_up(sys.argv[1:])
    except ConvexPruneError as error:
        _quit(error)


def set_up(argv: list[str]) -> list[str]:
    """Join torchrun's other processes, and complete s3prl's arguments: a shipped recipe for a missing ``-c``.

    Args:
        argv: s3prl's arguments, without the program's name.

    Returns:
        The arguments to run with. Under torchrun ``--local_rank`` is taken out: the rank comes from the environment.

    Raises:
        ConfigError: a file or downstream that is not there, or evaluation started in several processes.
    """
    known = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    known.add_argument("-m", "--mode")
    known.add_argument("-c", "--config")
    known.add_argument("-d", "--downstream")
    known.add_argument("-e", "--past_exp")
    known.add_argument("-u", "--upstream")
    known.add_argument("-k", "--upstream_ckpt")
    known.add_argument("-o", "--override")
    known.add_argument("--backend", default="nccl")
    known.add_argument("--device", default="cuda")
    if any(argument in ("-h", "--help") for argument in argv):
        return argv
    given, _ = known.parse_known_args(argv)
    _check_files(given)
    if distributed.launched():
        argv = _without_local_rank(argv)
        if given.mode == "train":
            distributed.join(given.backend, given.device)
        elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise ConfigError(f"-m {given.mode} runs in one process; start it without torchrun")
    own_default = Path("downstream", str(given.downstream), "config.yaml")
    if given.config is None and not given.past_exp and given.downstream in RECIPES and not own_default.is_file():
        argv = [*argv, "-c", str(recipe_path(given.downstream))]
    return argv


def check_run(args: argparse.Namespace, config: dict[str, Any]) -> None:
    """Fill the recipe's corpus folders, and refuse what s3prl would answer with a traceback.

    Raises:
        CorpusError: a corpus folder is not given or not there.
        ConfigError: the device is not there, or a number that training goes by is none.
        InstallationError: a package that the recipe imports is not installed.
    """
    choose_device(str(args.device))
    require_packages(args.downstream)
    _import_expert(args.downstream)
    fill_paths(args.downstream, config)
    if args.mode == "train":
        check_training(config)


def _import_expert(downstream: str) -> None:
    """s3prl imports it after it has built the upstream, and not all of its downstreams are in our table."""
    try:
        importlib.import_module(f"s3prl.downstream.{downstream}.expert")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("s3prl."):
            return  # no such downstream: s3prl's own message
        raise InstallationError(f"{downstream}: s3prl's recipe imports {error.name}, which is not installed") from None


def build_upstream(args: argparse.Namespace, build: Callable[[], Any]) -> Any:
    """Build a run's upstream; what its checkpoint lacks is an error of one line.

    Raises:
        CheckpointError: the upstream cannot be built from its checkpoint.
    """
    from torch.nn.parallel import DistributedDataParallel

    from ..upstreams.checkpoint import load_whole

    entries: list[Any] = []

    def expert() -> Any:
        entries.append(build())
        model = entries[0].model
        return model.module if isinstance(model, DistributedDataParallel) else model

    load_whole(expert, args.upstream)
    return entries[0]


def select_states(run: Any, build: Callable[[], Any]) -> Any:
    """Build a run's featurizer; a state that the upstream does not give is an error of one line.

    Raises:
        ConfigError: ``-l`` names a state beyond the upstream's last one.
    """
    try:
        return build()
    except IndexError as error:
        if run.args.upstream_layer_selection is None:
            raise
        import torch

        with torch.no_grad():
            states = run.upstream.model([torch.randn(SAMPLE_RATE).to(run.args.device)])["hidden_states"]
        raise ConfigError(
            f"-l {run.args.upstream_layer_selection}: {run.args.upstream} gives {len(states)} hidden states; "
            f"expected -l 0 to -l {len(states) - 1}"
        ) from error


def _check_files(given: argparse.Namespace) -> None:
    if given.config is not None:
        if not Path(given.config).is_file():
            raise ConfigError(f"-c {given.config}: there is no such file")
        if not isinstance(read_yaml(given.config, yaml.FullLoader), dict):
            raise ConfigError(f"-c {given.config}: is not a recipe; expected the keys runner, optimizer, ...")
    if given.past_exp is not None:
        past = Path(given.past_exp)
        if not past.exists():
            raise ConfigError(f"-e {past}: there is no such checkpoint or experiment folder")
        if past.is_dir() and not any(past.glob("states-*.ckpt")):
            raise ConfigError(f"-e {past}: the folder holds no states-*.ckpt; name a checkpoint file instead")
        if past.is_file():
            _check_experiment(past)
    elif given.upstream:
        check_checkpoint(given.upstream, given.upstream_ckpt)
    for part in filter(str.strip, (given.override or "").split(",,")):
        if part.count("=") != 1:
            raise ConfigError(f"-o {part}: expected <key>=<value>, with one '=' (',,' between several)")
    if given.downstream is not None and not _has_expert(given.downstream):
        import s3prl.downstream

        known = [module.name for module in pkgutil.iter_modules(s3prl.downstream.__path__) if module.ispkg]
        raise ConfigError(f"-d {given.downstream}: s3prl has no such downstream{nearest(given.downstream, known)}")


def _check_experiment(path: Path) -> None:
    from .. import safe_load  # imports torch

    states = safe_load.load(path, map_location="cpu")
    if not isinstance(states, dict) or not {"Args", "Config"} <= set(states) or type(states["Args"]) is not Namespace:
        raise ConfigError(f"-e {path}: is not a checkpoint of s3prl's runner")


def _has_expert(downstream: str) -> bool:
    try:
        return importlib.util.find_spec(f"s3prl.downstream.{downstream}.expert") is not None
    except ModuleNotFoundError:
        return False


def _without_local_rank(argv: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for argument in argv:
        if skip:
            skip = False
        elif argument in ("--local_rank", "--local-rank"):
            skip = True
        elif not argument.startswith(("--local_rank=", "--local-rank=")):
            kept.append(argument)
    return kept


def _explain(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if isinstance(error, ConvexPruneError):
        print(f"s3prl-convexprune: error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def _quit(error: ConvexPruneError) -> None:
    print(f"s3prl-convexprune: error: {error}", file=sys.stderr)
    raise SystemExit(2)
