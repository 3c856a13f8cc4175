"""Packaging of s3prl-convexprune.

`upstream_configs/` and `downstream_recipes/` stand at the top level for people and are installed
inside the package for programs. A `.pth` file beside the package lets an unmodified s3prl know our names: see
`s3prl_convexprune/_plugin.py`, which it loads, and the variable that switches it off.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (ROOT / "s3prl_convexprune" / "__init__.py").read_text()).group(
    1
)

FEATURES = {
    "speechbrain": ["speechbrain>=1.1", "hyperpyyaml", "sentencepiece"],
    "report": ["matplotlib>=3.6", "jinja2>=3.0"],
    "slurm": ["submitit>=1.5"],
    "alignments": ["praatio>=6"],
}
EXTRAS = {
    **FEATURES,
    "demo": FEATURES["report"],
    "make-demo": ["espeakng-loader>=0.2.4", "soundfile>=0.13"],
}
EXTRAS["test"] = sorted(
    {
        *(requirement for extra in EXTRAS.values() for requirement in extra if "espeakng" not in requirement),
        "pytest>=7.4",
        "pytest-xdist>=3",
        "hypothesis>=6.80",
        "networkx>=3",
        "nnconvexity==0.1.1",
        "playwright>=1.40",
        "setuptools>=68",
        "wheel",
        "tensorboard",
        "sed_eval",
        "more_itertools",
        "h5py",  # s3prl's diarization
        "dtw-python",  # and its query by example
        "lxml",
        "timm==0.4.5",  # the one release that s3prl's ssast and ast take
        "torchvision",
    }
)
EXTRAS["dev"] = sorted({*EXTRAS["test"], "ruff>=0.6", "mypy>=1.10", "types-PyYAML", "build"})

DATA_FOLDERS = {
    "s3prl_convexprune.upstream_configs": "upstream_configs",
    "s3prl_convexprune.downstream_recipes": "downstream_recipes",
}
PACKAGE_DIR = DATA_FOLDERS
if "editable_wheel" in sys.argv:
    # They are found beside the package then (`resources.py`). With a plain layout an editable install is one line
    # in a .pth file instead of a finder that every interpreter start would pay for.
    DATA_FOLDERS, PACKAGE_DIR = {}, {"": "."}

#: Runs at interpreter start, so it must never fail: no line of it, and nothing that it calls.
PTH = (
    "import sys; exec('try:\\n from s3prl_convexprune import _plugin as h\\n h.start()\\n"
    "except Exception: pass')\n"
)


class BuildWithHook(build_py):
    """Put the `.pth` file beside the package, in a wheel and in an editable (PEP 660) install alike."""

    def run(self) -> None:
        super().run()
        folder = self.get_finalized_command("install").install_lib if self.editable_mode else self.build_lib
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "s3prl_convexprune.pth").write_text(PTH, encoding="ascii")


setup(
    name="s3prl-convexprune",
    version=VERSION,
    description="Convexity-based pruning of speech upstreams, as a plugin for s3prl and SUPERB",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[*find_packages(include=["s3prl_convexprune", "s3prl_convexprune.*"]), *DATA_FOLDERS],
    package_dir=PACKAGE_DIR,
    cmdclass={"build_py": BuildWithHook},
    package_data={
        "s3prl_convexprune": [
            "py.typed",
            "demo/corpus/**/*",
            "demo/model/**/*",
            "report/**/*",
            "superb/**/*.csv",
        ],
        "s3prl_convexprune.upstream_configs": ["*.yaml"],
        "s3prl_convexprune.downstream_recipes": ["**/*"],
    },
    install_requires=[
        "s3prl>=0.4.17",
        "torch>=2.1",
        "torchaudio>=2.1",
        "transformers>=4.38",
        "safetensors>=0.4",
        "numpy>=1.24",
        "scipy>=1.10",
        "numba>=0.59",
        "scikit-learn>=1.2",
        "threadpoolctl>=3",
        "soundfile>=0.12",
        "pyyaml>=6.0",
        "pydantic>=2.7",
        "filelock>=3.12",
        "tqdm>=4.60",
        "tensorboardX>=2.6",
        "librosa>=0.10",
        "editdistance>=0.8",
        "pandas>=1.5",
        # modules that Python dropped and s3prl imports: distutils, and chunk (by s3prl-main)
        "setuptools; python_version >= '3.12'",
        "standard-chunk; python_version >= '3.13'",
    ],
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [
            "s3prl-convexprune = s3prl_convexprune.cli.main:main",
            "run_downstream.py = s3prl_convexprune.superb.run:main",
        ],
    },
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
