"""Nothing that a checkpoint, or a config in it, holds is run by s3prl, on whatever way it came in.

s3prl calls `eval` on strings of a checkpoint's config, and `torch.load` without ``weights_only``, or with it off. In
each of its modules that builds upstreams or runs recipes, as it is imported, the names `eval`, `torch` and `pickle`
are bound to what does the same for honest input and refuses the rest: `safe_eval.evaluate`, a `torch` whose `load` is
`safe_load.load`, a `pickle` that loads plain containers. The modules torch and pickle themselves are not touched.
"""

from __future__ import annotations

import functools
import pickle
import sys
from argparse import Namespace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._importhook import on_import
from ..errors import CheckpointError
from ..versions import S3PRL_PROGRAM
from .remedy import Remedy

if TYPE_CHECKING:
    from typing import BinaryIO

EVALUATING = ("s3prl.upstream.", "s3prl.downstream.", "s3prl.optimizers", "s3prl.schedulers")
#: Experiments of s3prl's other programs are pickles of their own classes.
OWN_EXPERIMENTS = ("s3prl.problem", "s3prl.pretrain", "s3prl.run_pretrain", "s3prl.dataio")


def guard(module: ModuleType) -> None:
    """Bind the guarded names in one module of s3prl, just imported.

    Args:
        module: the module. Those that hold experiments of s3prl's other programs are left alone.
    """
    names, name = vars(module), module.__name__
    if name.startswith(OWN_EXPERIMENTS):
        return
    if getattr(names.get("torch"), "__name__", None) == "torch":
        names["torch"] = _torch(name.startswith("s3prl.upstream."))
    if name.startswith("s3prl.downstream.") and names.get("pickle") is pickle:
        names["pickle"] = _PICKLE
    # experts and interfaces evaluate paths to their own layers, which stand in their code; hubconfs are the hub
    own_paths = name.startswith("s3prl.upstream.") and name.endswith((".expert", ".interfaces", ".hubconf"))
    if name.startswith(EVALUATING) and not own_paths:
        from ..safe_eval import evaluate

        names["eval"] = evaluate


def guard_program(runner: ModuleType) -> None:
    """`guard` for `run_downstream.py` started as a program: its module is not imported by its name.

    Args:
        runner: `s3prl.downstream.runner`, which every such program imports before it reads a checkpoint.
    """
    program = sys.modules.get("__main__")
    if program is not None and str(getattr(program, "__file__", "")).endswith(S3PRL_PROGRAM):
        guard(program)


class _Stand(ModuleType):
    """A module with some of its names replaced."""

    def __init__(self, original: ModuleType, **replaced: Any) -> None:
        super().__init__(original.__name__)
        vars(self).update({name: value for name, value in vars(original).items() if name != "__getattr__"})
        vars(self).update(replaced, _original=original)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_original"], name)


@functools.cache
def _torch(for_upstreams: bool) -> ModuleType:
    import torch

    def load(f: Any, map_location: Any = None, *_: Any, mmap: bool | None = None, **__: Any) -> Any:
        from .. import safe_load

        states = safe_load.load(f, map_location, mmap=mmap)
        if for_upstreams:
            safe_load.check_weights(str(f), states)
        else:
            _check_past_arguments(str(f), states)
        return states

    return _Stand(torch, load=load)


def _check_past_arguments(path: str, states: Any) -> None:
    """An experiment's arguments replace the user's own, and one of them has an upstream's code downloaded and run."""
    if not isinstance(states, dict) or "Args" not in states:
        return
    if type(states["Args"]) is not Namespace:  # s3prl takes whatever has attributes
        raise CheckpointError(f"{path}: its Args are of type {type(states['Args']).__name__}; expected a Namespace")
    past = vars(states["Args"])
    if past.get("hub") != "huggingface" and not past.get("from_hf_hub"):
        return
    given = " ".join(word.replace("=", " ") for word in sys.argv)
    if "--hub huggingface" not in given:
        raise CheckpointError(
            f"{path} asks for code from the Hugging Face hub ({past.get('upstream')}): it was refused and not run; "
            "give --hub huggingface yourself if you trust it"
        )


class _Containers(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise CheckpointError(
            f"a cached list of files holds pickled code ({module}.{name}): it was refused and not run"
        )


def _load_containers(file: BinaryIO, **_: Any) -> Any:
    return _Containers(file).load()


_PICKLE = _Stand(pickle, load=_load_containers)


def patch() -> None:
    on_import("s3prl.*", after=guard)
    on_import("s3prl.downstream.runner", after=guard_program)


REMEDY = Remedy(
    name="checkpoint_code",
    target="eval, torch.load and pickle.load as s3prl.upstream and s3prl.downstream see them",
    why="s3prl evaluates strings of a checkpoint's config as Python and lets some pickles run; "
    "here both are read as data",
    needed=lambda: True,
    patch=patch,
)
