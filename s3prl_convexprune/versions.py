"""The software a number was made with; it travels with every artifact."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__version__ = "0.1.0"
#: This package and its program; s3prl's program.
PROGRAM = "s3prl-convexprune"
S3PRL_PROGRAM = "run_downstream.py"

#: What can move a number.
PACKAGES = (
    "torch",
    "torchaudio",
    "transformers",
    "s3prl",
    "espnet-s3prl",
    "speechbrain",
    "numpy",
    "scipy",
    "numba",
    "soundfile",
)
#: What a number does not depend on, but a run may fail by.
OTHER_PACKAGES = ("huggingface_hub", "safetensors", "tensorboardX")


def package_versions() -> dict[str, str]:
    """Version of this package, of Python and of every package that can move a number; absent ones are left out."""
    found = {PROGRAM: __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
