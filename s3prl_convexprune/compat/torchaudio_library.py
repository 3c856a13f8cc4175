"""torchaudio's last release, 2.11, beside a torch that was built for another CUDA, or for none.

torchaudio's compiled library speaks torch's stable ABI: one build serves torch 2.11 and everything after it. Two
things in its own start keep it from that, and each is put right only where nothing else is wrong:

- after the library was loaded, `_check_cuda_version` compares the CUDA releases that the two were built for to the
  minor number, which the stable ABI does not ask for. Inside one major release the comparison is left out.
- the library of a CUDA build links to CUDA's own libraries, which a torch for another CUDA, or none, does not bring.
  torchaudio can do without its library, and does on systems that it has none for: its filters run in Python, and
  forced alignment and the RNN-T loss are not there. s3prl uses none of these.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .._importhook import on_import
from ..errors import InstallationError
from .remedy import Remedy

logger = logging.getLogger(__name__)

MODULE = "torchaudio._extension.utils"
VERSION = re.compile(r"""__version__ = ['"](\d+)\.(\d+)[^'"+]*(?:\+cu(\d+)(\d))?""")
STABLE = (2, 11)


def needed() -> bool:
    """Whether both are of the stable ABI and built for different CUDA. torchaudio is looked at, not imported."""
    import torch

    spec = find_spec("torchaudio")
    if spec is None or spec.origin is None:
        return False
    release, built_for = _release(Path(spec.origin).with_name("version.py"))
    own, _ = _release(Path(torch.__file__).with_name("version.py"))
    torchs = None if torch.version.cuda is None else torch.version.cuda.split(".")[:2]
    return own >= release >= STABLE and built_for is not None and built_for != torchs


def patch() -> None:
    """Mend torchaudio while it is imported, or at once. The import hook does it too: torchaudio may come first."""
    on_import(MODULE, after=mend)


def mend(utils: ModuleType) -> None:
    """Wrap the two functions of `torchaudio._extension.utils` that stop torchaudio; both still do their work."""
    if needed() and not hasattr(utils._load_lib, "__wrapped__"):
        utils._load_lib = _or_without(utils._load_lib)  # type: ignore[attr-defined]
        utils._check_cuda_version = _within_a_major_release(utils._check_cuda_version)  # type: ignore[attr-defined]


def check() -> None:
    """Import torchaudio.

    Raises:
        InstallationError: it does not load beside this torch; the message says what to install.
    """
    try:
        import torchaudio  # noqa: F401
    except (OSError, RuntimeError) as error:
        import torch

        own = torch.__version__.split("+")[0]
        wanted = f"torchaudio=={own}" if tuple(map(int, own.split(".")[:2])) < STABLE else "'torchaudio>=2.11'"
        raise InstallationError(
            f"torchaudio {version('torchaudio')} does not load beside torch {torch.__version__} "
            f"({str(error).splitlines()[0]}); pip install {wanted}"
        ) from None


def _release(file: Path) -> tuple[tuple[int, int], list[str] | None]:
    """What a `version.py` of PyTorch's packages says: the release, and the CUDA it was built for (None for none)."""
    found = VERSION.search(file.read_text(encoding="utf-8"))
    if found is None:
        return (0, 0), None
    return (int(found[1]), int(found[2])), None if found[3] is None else [found[3], found[4]]


def _or_without(load: Callable[[str], bool]) -> Callable[[str], bool]:
    @functools.wraps(load)
    def load_or_do_without(lib: str) -> bool:
        try:
            return load(lib)
        except OSError as error:
            logger.info("torchaudio does without its library, which is built for another CUDA: %s", error)
            return False

    return load_or_do_without


def _within_a_major_release(check: Callable[[], int | None]) -> Callable[[], int | None]:
    @functools.wraps(check)
    def check_major() -> int | None:
        import torch

        try:
            return check()
        except RuntimeError:
            built_for: int = torch.ops._torchaudio.cuda_version()  # 13000 for 13.0
            if torch.version.cuda is None or built_for // 1000 != int(torch.version.cuda.split(".")[0]):
                raise
            return built_for

    return check_major


REMEDY = Remedy(
    name="torchaudio_library",
    target="torchaudio._extension.utils (while torchaudio is imported)",
    why="torchaudio 2.11, its last release, is built for one CUDA and refuses a torch built for another one or none, "
    "though its library is made for every torch from 2.11 on",
    needed=needed,
    patch=patch,
)
