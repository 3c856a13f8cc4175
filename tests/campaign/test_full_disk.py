"""A disk that fills up: one line, nothing half-made, and with more room the files of an undisturbed run."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s3prl_convexprune.errors import OutputError
from s3prl_convexprune.upstreams.registry import build_upstream
from tests.checkpoints import CASES

from .commands import COMMANDS
from .forkserver import ForkServer

ENOUGH = "64m"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of a size that can be changed while things lie in it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ENOUGH}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("file systems cannot be mounted here")

    def resized(size: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True, capture_output=True)
        return folder

    yield resized
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("verb", "sizes", "says"),
    [
        ("analyze", ("4k", "80k", "140k", "220k", "400k"), ""),
        ("export", ("4k", "80k", "140k"), ""),
        ("select", ("4k",), ""),
        ("leaderboard", ("4k", "80k"), ""),
        ("study", ("8k", "100k"), ""),
        pytest.param(
            "run",
            ("300k",),
            "failed: hubert_custom_convexpruned_L2 ks lr=0.001 seed=1337: no space left",
            marks=pytest.mark.long,
        ),
        pytest.param("demo", ("8k", "6m", "16500k"), "", marks=pytest.mark.long),
        pytest.param("finetune", ("500k",), "", marks=pytest.mark.long),
    ],
)
def test_a_full_disk(
    verb: str, sizes: tuple[str, ...], says: str, server: ForkServer, tmp_path: Path, disk: Callable[[str], Path]
) -> None:
    command = COMMANDS[verb]
    assert command.run(server, tmp_path / "undisturbed").status == 0
    refused = 0
    for size in sizes:
        folder = disk(size)
        ended = command.run(server, folder)
        assert not ended.orphans and "Traceback" not in ended.stderr, ended.stderr
        assert ended.status in (0, 2), ended
        if ended.status == 2:
            refused += 1
            assert says in ended.stdout
            (line,) = [line for line in ended.stderr.splitlines() if ": error: " in line]
            assert "no space left" in line or "free" in line, line
            assert not [path for path in folder.iterdir() if path.name.startswith(".out.")], "a temporary file"
    assert refused, "every disk was large enough"
    folder = disk(ENOUGH)
    ended = command.run(server, folder)
    assert ended.status == 0, ended.stderr
    command.check(tmp_path / "undisturbed", folder)


def test_a_cut_is_not_to_blame_for_a_full_temporary_folder(
    tmp_path: Path, disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ckpt = CASES["hubert-post"].build(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(disk("8k")))
    with pytest.raises(OutputError, match="cut.pt: cannot be written: no space left on the disk"):
        build_upstream("hubert_custom_convexpruned_L1", ckpt=str(ckpt))
    disk(ENOUGH)
    assert build_upstream("hubert_custom_convexpruned_L1", ckpt=str(ckpt))
