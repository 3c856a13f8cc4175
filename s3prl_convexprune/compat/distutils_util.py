"""Python 3.12 removed `distutils`, whose `strtobool` s3prl imports. setuptools carries the package on, and puts it in
place when it is imported (or at interpreter start, where its own `.pth` file is read)."""

from __future__ import annotations

import importlib
import importlib.util

from .remedy import Remedy


def needed() -> bool:
    return importlib.util.find_spec("distutils") is None


def patch() -> None:
    importlib.import_module("setuptools")
    importlib.import_module("distutils.util")


REMEDY = Remedy(
    name="distutils_util",
    target="distutils (setuptools's)",
    why="s3prl imports distutils.util.strtobool; Python >= 3.12 has no distutils",
    needed=needed,
    patch=patch,
)
