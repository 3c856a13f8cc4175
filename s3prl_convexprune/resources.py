"""Where the shipped folders are: inside the package in a wheel, beside it in a checkout."""

from __future__ import annotations

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
