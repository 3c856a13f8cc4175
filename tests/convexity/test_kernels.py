"""Where no compiled code can be kept beside the package or in the user's cache, kernels run all the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numba
import pytest

from s3prl_convexprune.convexity.kernels import kernel, temporary_folder


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A read-only installation of a user without a home: only in one folder can files be made."""
    make = tempfile.TemporaryFile

    def make_there(*args, dir=None, **options):
        if not Path(dir).is_relative_to(tmp_path):
            raise PermissionError(dir)
        return make(*args, dir=dir, **options)

    monkeypatch.setattr(tempfile, "TemporaryFile", make_there)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def three_times(x):
    return 3 * x


def test_a_temporary_folder_serves(nowhere):
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(three_times)
    assert kernel()(three_times)(2) == 6
    assert list(temporary_folder().rglob("*.nbi")) and numba.config.CACHE_DIR == ""


@pytest.mark.parametrize("taken", ["a file", "others may write", "a link", "no temporary folder"])
def test_a_folder_that_others_can_write_does_not(nowhere, taken, monkeypatch):
    folder = temporary_folder()
    if taken == "others may write":
        folder.chmod(0o777)
    else:
        folder.rmdir()
    if taken == "a file":
        folder.touch()
    if taken == "a link":
        (nowhere / "theirs").mkdir(mode=0o700)
        folder.symlink_to(nowhere / "theirs")
    if taken == "no temporary folder":
        monkeypatch.setattr(tempfile, "tempdir", str(nowhere / "gone"))
    assert kernel()(three_times)(2) == 6
    assert not list(nowhere.rglob("*.nb*"))


def test_code_is_kept_in_the_users_cache_not_in_the_package(monkeypatch, tmp_path):
    """pip takes away what it put there; files that numba made in the package would stay behind."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kernel()(three_times)(2) == 6
    assert list((tmp_path / "s3prl_convexprune" / "numba").rglob("*.nbi"))
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "chosen"))
    assert kernel()(three_times)(3) == 9
    assert list((tmp_path / "chosen").rglob("*.nbi")) and str(tmp_path / "chosen") == numba.config.CACHE_DIR


def test_every_kernel_is_one():
    """None is decorated by numba itself, which would raise at import."""
    for path in Path(kernel.__code__.co_filename).parent.glob("*.py"):
        assert "njit(" not in path.read_text() or path.name == "kernels.py", path
