"""`--push-to-hub` uploads the folder to a hub, here one on this machine, and only when asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .hub_stand_in import hub

COMMAND = [sys.executable, "-m", "s3prl_convexprune", "export", "tiny_hubert_convexpruned_L2", "--format", "hf"]


def start(address: str, out: object, *more: str, token: str | None = "secret") -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(out) + ".home"}
    environ.pop("HF_HUB_OFFLINE", None)
    environ.pop("HF_TOKEN", None)
    environ |= {"HF_TOKEN": token} if token else {}
    return subprocess.run([*COMMAND, "-o", str(out), *more], env=environ, capture_output=True, text=True)


def test_the_folder_is_uploaded_whole_when_asked(tmp_path):
    with hub() as site:
        silent = start(site.address, tmp_path / "quiet")
        assert silent.returncode == 0 and not site.tokens, silent.stderr
        done = start(site.address, tmp_path / "out", "--push-to-hub", "me/cut")
    assert done.returncode == 0, done.stderr
    assert site.tokens == {"Bearer secret"}
    asked = site.created[0]
    assert asked["name"] == "cut" and (asked.get("private") is True or asked.get("visibility") == "private")
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert site.files == written and {"README.md", "config.json", "model.safetensors"} <= written.keys()


@pytest.mark.parametrize(
    "repository, token, says",
    [("cut", "secret", "expected user/name"), ("me/c u t", "secret", "me/c u t"), ("me/cut", None, "hf auth login")],
)
def test_what_could_not_be_uploaded_is_refused_before_the_work(repository, token, says, tmp_path):
    done = start("http://127.0.0.1:9", tmp_path / "out", "--push-to-hub", repository, token=token)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_hub_that_refuses_leaves_the_folder(tmp_path):
    with hub() as site:
        site.refuses = True
        done = start(site.address, tmp_path / "out", "--push-to-hub", "me/cut")
    assert done.returncode == 2 and "was written but not uploaded to me/cut" in done.stderr
    assert "Traceback" not in done.stderr and (tmp_path / "out" / "config.json").is_file()
