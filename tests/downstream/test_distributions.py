"""What would go to PyPI: metadata, the page, the files, the lowest versions."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from .conftest import REPOSITORY

#: What stands in the repository for those who work on it there.
ONLY_IN_THE_REPOSITORY = (".ci/", ".github/", ".gitignore")


@pytest.fixture(scope="module")
def metadata(distributions) -> Message:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name))


def pins(name: str) -> dict[str, Version]:
    """A constraints file's exact versions."""
    lines = (REPOSITORY / "constraints" / name).read_text().splitlines()
    return {name.lower(): Version(version) for name, _, version in (line.partition("==") for line in lines) if version}


def test_twine_finds_nothing(distributions):
    check = pytest.importorskip("twine.commands.check", reason="needs twine").check
    assert check([str(distributions.sdist), str(distributions.wheel)], strict=True) is False


def test_who_what_and_under_which_licence(metadata):
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Author"] == "the s3prl-convexprune developers"
    assert {"speech", "s3prl"} <= set(metadata["Keywords"].split(","))
    assert (
        metadata["Version"]
        == Path(REPOSITORY, "s3prl_convexprune", "versions.py").read_text().split('__version__ = "')[1].split('"')[0]
    )


def test_one_address(metadata):
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    kind, _, address = metadata["Project-URL"].partition(", ")
    assert (kind, address, metadata["Version"]) == ("Repository", citation["repository-code"], citation["version"])


def test_every_link_of_the_page_leads_somewhere(metadata):
    """PyPI shows the page without the repository around it."""
    address = metadata["Project-URL"].partition(", ")[2]
    links = re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", metadata.get_payload(decode=True).decode())
    ours = [(image, link.removeprefix(f"{address}/")) for image, link in links if link.startswith(f"{address}/")]
    assert all(link.startswith("https://") for _, link in links)
    for image, link in ours:
        view, branch, path = link.split("/", 2)
        assert (view, branch) == ("raw" if image else "blob", "main")
        assert (REPOSITORY / path.partition("#")[0]).is_file(), link
    assert {"raw", "blob"} == {link.split("/")[0] for _, link in ours}


def test_the_sdist_has_all_that_the_repository_has(distributions):
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not in a git checkout")
    with tarfile.open(distributions.sdist) as sdist:
        there = {name.partition("/")[2] for name in sdist.getnames()}
    wanted = {name for name in tracked.stdout.split("\0") if name and not name.startswith(ONLY_IN_THE_REPOSITORY)}
    assert wanted - there == {name for name in wanted if not (REPOSITORY / name).exists()}


def test_the_wheel_has_what_a_user_runs_and_nothing_else(distributions):
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in names} == {"s3prl_convexprune", "s3prl_convexprune.pth"}
    for folder in ("downstream_recipes", "studies", "upstream_configs", "s3prl_convexprune"):
        inside = {
            str(path.relative_to(distributions.source)) for path in (distributions.source / folder).rglob("*")
            if path.is_file()
        }  # fmt: skip
        prefix = "" if folder == "s3prl_convexprune" else "s3prl_convexprune/"
        assert {prefix + path for path in inside} <= set(names)


def test_lowest_versions_are_those_of_the_old_environment(metadata):
    """`make test-old` runs with what constraints/old.txt pins."""
    old, checked = pins("old.txt"), 0
    for text in metadata.get_all("Requires-Dist"):
        requirement = Requirement(text)
        extra = re.search(r"""extra == ['"](\w+)""", text)
        if extra is not None and extra[1] in ("test", "dev", "docs", "tools", "ast"):
            continue
        for clause in requirement.specifier:
            lowest, pinned = Version(clause.version).release, old[requirement.name.lower()].release
            assert (clause.operator, pinned[: len(lowest)]) == (">=", lowest), text
            checked += 1
    assert checked > 20


def test_an_uninstall_leaves_nothing(distributions, tmp_path):
    """Neither compiled kernels nor a folder, after a kernel was compiled."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (site / "zz_borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    there = set(tmp_path.joinpath("venv").rglob("*"))
    (tmp_path / "cache").mkdir()
    pip = [sys.executable, "-m", "pip", "--python", python]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "S3PRL", "NUMBA"))}
    environ |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", "--no-compile", distributions.wheel], check=True)
    measure = (
        "import sys, numpy; from s3prl_convexprune.convexity import graph; assert sys.prefix in graph.__file__;"
        "graph._transposed(numpy.array([0, 1, 2]), numpy.array([1, 0], numpy.int32), numpy.ones(2))"
    )
    subprocess.run([python, "-c", measure], check=True, env=environ, cwd=tmp_path)
    assert list((tmp_path / "cache").rglob("*.nbi")), "no kernel was compiled"
    subprocess.run([*pip, "uninstall", "-q", "-y", "s3prl-convexprune"], check=True, env=environ)
    assert set(tmp_path.joinpath("venv").rglob("*")) == there
