"""huggingface_hub 1.0 removed `HfFolder`, `Repository` and `HfApi.login`, which s3prl's runner imports for ``--hub
huggingface`` and ``--push_to_hf_hub``. Placeholders let the import pass and explain themselves when used."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from .remedy import Remedy


def needed() -> bool:
    import huggingface_hub

    return not all(hasattr(huggingface_hub, name) for name in ("HfFolder", "Repository"))


def patch() -> None:
    import huggingface_hub

    for name in ("HfFolder", "Repository"):
        if name not in vars(huggingface_hub):
            setattr(huggingface_hub, name, _placeholder(name))
    if not hasattr(huggingface_hub.HfApi, "login"):
        huggingface_hub.HfApi.login = _refuse("HfApi.login")  # type: ignore[attr-defined]


def _refuse(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise ConfigError(
            f"s3prl asks for huggingface_hub's {name}, which huggingface_hub >= 1.0 does not have; --hub huggingface "
            "and --push_to_hf_hub need pip install 'huggingface_hub<1' (all the rest of s3prl works without)"
        )

    return refuse


def _placeholder(name: str) -> type:
    methods = ("__init__", "save_token", "get_token", "delete_token")
    return type(name, (), {method: staticmethod(_refuse(name)) for method in methods})


REMEDY = Remedy(
    name="hub_login",
    target="huggingface_hub.HfFolder, Repository, HfApi.login",
    why="s3prl's runner imports HfFolder and Repository, which huggingface_hub >= 1.0 does not have",
    needed=needed,
    patch=patch,
)
