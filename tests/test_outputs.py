"""What may be written over: an older version of the same artifact, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from s3prl_convexprune.artifact import Analysis, Settings
from s3prl_convexprune.errors import ArtifactError, OutputError
from s3prl_convexprune.outputs import check_output, claim_output, mark
from tests.artifacts import analysis


def test_what_read_would_refuse_is_not_written(tmp_path: Path) -> None:
    wrong = Settings(200, 0, 1337, None, "cpu", "mean", 10.0, "2" * 64)
    given = Analysis(**{**vars(analysis()), "settings": wrong})
    with pytest.raises(ArtifactError, match=r"settings\.neighbors is 0"):
        given.write(tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


FOREIGN = {
    "somebody's notes": b'{"notes": []}',
    "somebody's bytes": bytes(range(256)),
    "another artifact of ours": json.dumps({"format": "s3prl-convexprune profile", "version": 1}).encode(),
    "a newer version": json.dumps({"format": "s3prl-convexprune analysis", "version": 3}).encode(),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_not_an_older_version_is_left_alone(case: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(FOREIGN[case])
    for attempt in (lambda: analysis().write(path), lambda: claim_output(path, "analysis").__enter__()):
        with pytest.raises(ArtifactError, match="left alone"):
            attempt()
    assert path.read_bytes() == FOREIGN[case] and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"", b'{"format": "s3prl-convexprune analysis", "version": 1, damaged', mark("analysis").encode()]
)
def test_what_is_ours_or_empty_is_replaced(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    assert Analysis.read(analysis().write(tmp_path / "x.json")) == analysis()


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path, "is a folder"),
        ("/dev/null", "is not a regular file"),
        (tmp_path / "file" / "x.json", "not a folder"),
        (tmp_path / ("x" * 300), "too long"),
        ("a\0b", "is not a path"),
    ):
        with pytest.raises(OutputError, match=message):
            check_output(path, "analysis")


def test_two_processes_do_not_write_the_same_output(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    other = (
        "import sys; from s3prl_convexprune.outputs import claim_output\n"
        "with claim_output(sys.argv[1], 'analysis'): print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", other, str(path)], **pipes)
    assert process.stdout and process.stdout.readline() == "held\n"
    with pytest.raises(ArtifactError, match="another process is writing it"), claim_output(path, "analysis"):
        pass
    process.kill()
    process.wait()
    with claim_output(path, "analysis"):  # what a killed process left is taken over
        pass
    assert list(tmp_path.iterdir()) == []
