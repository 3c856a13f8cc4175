"""torchaudio beside a torch built for another CUDA: mended where its stable ABI serves, refused as ever elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import version
from types import ModuleType

import pytest
import torch
import torchaudio
from packaging.version import Version

from s3prl_convexprune.compat import torchaudio_library
from s3prl_convexprune.errors import InstallationError

RELEASE = tuple(map(int, torchaudio.__version__.split("+")[0].split(".")[:2]))
FOR_CUDA = "+cu" in torchaudio.__version__


@pytest.fixture
def utils() -> ModuleType:
    """A fresh copy of `torchaudio._extension.utils`, as torchaudio ships it."""
    spec = importlib.util.find_spec(torchaudio_library.MODULE)
    fresh = importlib.util.spec_from_file_location("torchaudio_utils_as_shipped", spec.origin)
    module = importlib.util.module_from_spec(fresh)
    fresh.loader.exec_module(module)
    return module


CUDA_STACK = pytest.mark.skipif(
    RELEASE < torchaudio_library.STABLE or not FOR_CUDA or torch.version.cuda is None,
    reason="needs torchaudio >= 2.11 and torch, both built for CUDA",
)


@CUDA_STACK
def test_another_minor_release_of_cuda_passes(utils, monkeypatch):
    built_for = torch.ops._torchaudio.cuda_version()
    monkeypatch.setattr(torch.version, "cuda", f"{built_for // 1000}.9")
    if Version(version("torchaudio")) < Version("2.11.1"):  # it passes by itself since
        with pytest.raises(RuntimeError, match="different CUDA versions"):
            utils._check_cuda_version()
    torchaudio_library.mend(utils)
    assert utils._check_cuda_version() == built_for


@CUDA_STACK
def test_another_major_release_of_cuda_is_refused_where_the_library_loads(utils, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    torchaudio_library.mend(utils)
    with pytest.raises(RuntimeError, match="different CUDA (major )?versions"):
        utils._check_cuda_version()


@CUDA_STACK
@pytest.mark.parametrize("cuda", [None, "12.8"])
def test_a_library_that_lacks_its_cuda_is_done_without(utils, monkeypatch, cuda):
    monkeypatch.setattr(torch.version, "cuda", cuda)

    def fail(path: str) -> None:
        raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(torch.ops, "load_library", fail)
    with pytest.raises(OSError, match="libcudart"):
        utils._load_lib("_torchaudio")
    torchaudio_library.mend(utils)
    assert utils._load_lib("_torchaudio") is False


@CUDA_STACK
@pytest.mark.parametrize(
    ("torch_release", "torchaudio_release", "built_for"),
    [
        ((2, 15), (2, 11), None),  # built for no CUDA: nothing is compared
        ((2, 4), (2, 4), ["12", "1"]),  # of the time before the stable ABI
        ((2, 10), (2, 11), ["12", "1"]),  # torch older than the ABI that torchaudio was built for
        ((2, 15), (2, 11), torch.version.cuda and torch.version.cuda.split(".")[:2]),  # nothing differs
    ],
)
def test_inert_elsewhere(utils, monkeypatch, torch_release, torchaudio_release, built_for):
    releases = {"torch": (torch_release, None), "torchaudio": (torchaudio_release, built_for)}
    monkeypatch.setattr(torchaudio_library, "_release", lambda file: releases[file.parent.name])
    before = utils._load_lib, utils._check_cuda_version
    torchaudio_library.mend(utils)
    assert (utils._load_lib, utils._check_cuda_version) == before


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("__version__ = '2.11.0+cu130'\n", ((2, 11), ["13", "0"])),
        ("__version__ = '2.13.0+cpu'\n", ((2, 13), None)),
        ('__version__ = "2.15.1"\n', ((2, 15), None)),
        ("__version__ = '2.16.0a0+cu132'\n", ((2, 16), ["13", "2"])),
        ("nothing\n", ((0, 0), None)),
    ],
)
def test_what_a_version_file_says(tmp_path, text, release):
    (tmp_path / "version.py").write_text(text)
    assert torchaudio_library._release(tmp_path / "version.py") == release


@pytest.mark.parametrize(
    ("torch_release", "install"), [("2.4.1+cu121", "torchaudio==2.4.1$"), ("2.15.0+cpu", "'torchaudio>=2.11'$")]
)
def test_a_pair_that_does_not_load_is_one_line(monkeypatch, torch_release, install):
    class Broken:
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            if name == "torchaudio":
                raise OSError("undefined symbol: x\nmore")

    monkeypatch.delitem(sys.modules, "torchaudio")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.setattr(torch, "__version__", torch_release)
    with pytest.raises(InstallationError, match=f"undefined symbol: x\\); pip install {install}"):
        torchaudio_library.check()
