"""What `pyproject.toml` cannot say: where the data folders go, the import hook's `.pth` file, the README's links.

`upstream_configs/`, `downstream_recipes/` and `studies/` stand at the top level for people and are installed inside the
package for programs. A `.pth` file beside the package lets an unmodified s3prl know our names: see
`s3prl_convexprune/_plugin.py`, which it loads, and the variable that switches it off.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent

DATA_FOLDERS = {
    "s3prl_convexprune.upstream_configs": "upstream_configs",
    "s3prl_convexprune.downstream_recipes": "downstream_recipes",
    "s3prl_convexprune.studies": "studies",
}
PACKAGE_DIR = DATA_FOLDERS
if "editable_wheel" in sys.argv:
    # They are found beside the package then (`resources.py`). With a plain layout an editable install is one line
    # in a .pth file instead of a finder that every interpreter start would pay for.
    DATA_FOLDERS, PACKAGE_DIR = {}, {"": "."}

#: Runs at interpreter start, so it must never fail: no line of it, and nothing that it calls.
PTH = "import sys; exec('try:\\n from s3prl_convexprune import _plugin as h\\n h.start()\\nexcept Exception: pass')\n"


class BuildWithHook(build_py):
    """Put the `.pth` file beside the package, in a wheel and in an editable (PEP 660) install alike."""

    def run(self) -> None:
        super().run()
        folder = self.get_finalized_command("install").install_lib if self.editable_mode else self.build_lib
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "s3prl_convexprune.pth").write_text(PTH, encoding="ascii")


def readme() -> str:
    """README.md with the repository's address before its relative links, which lead nowhere on PyPI's page."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    repository = re.search(r'^Repository = "(.+)"$', project, re.M).group(1)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    relative = r"\((?!https?://|#)"
    text = re.sub(rf"(!\[[^]]*\]){relative}", rf"\1({repository}/raw/main/", text)
    return re.sub(rf"((?<!!)\[[^]]*\]){relative}", rf"\1({repository}/blob/main/", text)


setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    packages=[*find_packages(include=["s3prl_convexprune", "s3prl_convexprune.*"]), *DATA_FOLDERS],
    package_dir=PACKAGE_DIR,
    cmdclass={"build_py": BuildWithHook},
    package_data={
        "s3prl_convexprune": [
            "py.typed",
            "demo/corpus/**/*",
            "demo/model/**/*",
            "report/**/*",
            "results/*.csv",
            "corpora/**/*.csv",
            "analysis/*.csv",
        ],
        "s3prl_convexprune.upstream_configs": ["*.yaml"],
        "s3prl_convexprune.downstream_recipes": ["**/*"],
        "s3prl_convexprune.studies": ["*.yaml"],
    },
)
