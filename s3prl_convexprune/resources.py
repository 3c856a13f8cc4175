"""Where folders are: those that ship, in the package in a wheel and beside it in a checkout; and the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    installed = PACKAGE / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def upstream_configs_dir() -> Path:
    """The folder of the upstream configs that ship with the package."""
    return _folder("upstream_configs")


def downstream_recipes_dir() -> Path:
    """The folder that holds `s3prl/` and `speechbrain/` recipes."""
    return _folder("downstream_recipes")


def studies_dir() -> Path:
    """The folder of the studies that ship."""
    return _folder("studies")


def user_cache() -> Path:
    """The folder of what may be made again: `s3prl_convexprune` below ``$XDG_CACHE_HOME``, by default `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "s3prl_convexprune"
