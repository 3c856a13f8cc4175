"""Files that are written at once by several processes, or by one that was killed: whole, and nothing beside them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from s3prl_convexprune.atomic import write_bytes

STOPPED = "import os, signal; from pathlib import Path; from s3prl_convexprune import atomic\n"
# the writer stands still, with its temporary file made and locked, where it would move it into place
STOPPED += (
    "Path.replace = lambda *_: (print('there', flush=True), signal.pause())\natomic.write_bytes('page.html', b'x')"
)
WRITES = "from s3prl_convexprune.atomic import write_bytes\n"
WRITES += "for _ in range(100): write_bytes('page.html', b'{}' * 50_000)"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_what_a_dead_writer_left_is_removed(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", STOPPED], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None and writer.stdout.readline() == "there\n"
    write_bytes(tmp_path / "page.html", b"mine")
    write_bytes(tmp_path / "page", b"another")
    (left,) = tmp_path.glob(".page.html.*.tmp")
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    write_bytes(tmp_path / "page", b"another")
    assert left.exists(), "another file's"
    write_bytes(tmp_path / "page.html", b"again")
    assert names(tmp_path) == ["page", "page.html"] and (tmp_path / "page.html").read_bytes() == b"again"


def test_writers_do_not_take_each_others_files(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITES.format(n)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    ended = [(writer.communicate()[1], writer.returncode) for writer in writers]
    assert ended == [("", 0)] * 4
    content = (tmp_path / "page.html").read_bytes()
    assert names(tmp_path) == ["page.html"] and len(content) == 50_000 and len(set(content)) == 1
