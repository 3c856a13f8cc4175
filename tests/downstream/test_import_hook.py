"""The import hook: installed by wheels and editable installs, idle until s3prl is imported, harmless without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from types import ModuleType

import pytest

from s3prl_convexprune import _importhook, _plugin
from s3prl_convexprune.compat import hub_login

STATE = "import sys; print(any('_importhook' in type(finder).__module__ for finder in sys.meta_path))"


def test_the_wheel_brings_the_pth_file(wheel):
    assert "s3prl_convexprune.pth" in zipfile.ZipFile(wheel).namelist()


def test_an_editable_install_brings_it_too(distributions, tmp_path):
    build = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
    source = shutil.copytree(distributions.source, tmp_path / "source")
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=source, check=True, capture_output=True)
    files = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    assert files.read("s3prl_convexprune.pth") == zipfile.ZipFile(distributions.wheel).read("s3prl_convexprune.pth")


@pytest.mark.parametrize(("switch", "there"), [("", "True"), ("1", "False")])
def test_the_switch(installed, tmp_path, switch, there):
    done = installed.run(["python", "-c", STATE], tmp_path, {_plugin.SWITCH: switch})
    assert (done.stdout.strip(), done.stderr) == (there, "")


def test_an_interpreter_that_leaves_s3prl_alone_loads_next_to_nothing(installed, tmp_path):
    loaded = "import sys; print(*sorted(sys.modules))"
    off, on = (
        set(installed.run(["python", "-c", loaded], tmp_path, {_plugin.SWITCH: switch}).stdout.split())
        for switch in ("1", "")
    )
    assert on - off == set()  # the switch keeps it from acting; the file itself is loaded either way
    ours = {name for name in on if name.startswith("s3prl")}
    assert ours == {"s3prl_convexprune", "s3prl_convexprune._importhook", "s3prl_convexprune._plugin"}


def test_an_interpreter_without_s3prl_is_not_broken(installed, tmp_path):
    """The wheel alone, nothing borrowed: no s3prl, no torch, and the import of s3prl fails as it always does."""
    site = next(installed.bin.parent.glob("lib/python*/site-packages"))
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "s3prl_convexprune").symlink_to(site / "s3prl_convexprune")
    (bare / "s3prl_convexprune.pth").symlink_to(site / "s3prl_convexprune.pth")
    code = f"import site; site.addsitedir({str(bare)!r})\n{STATE}\nimport s3prl"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "True"
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 's3prl'"


@pytest.mark.parametrize(("script", "mended"), [("run_downstream.py", True), ("another.py", False)])
def test_old_names_of_huggingface_hub_are_there_for_s3prls_program_alone(installed, tmp_path, script, mended):
    """ESPnet's fork of `run_downstream.py` imports them before it imports s3prl."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    if hasattr(huggingface_hub, "Repository") and huggingface_hub.Repository.__module__ != hub_login.__name__:
        pytest.skip("this huggingface_hub still has them")
    (tmp_path / script).write_text("from huggingface_hub import HfApi, HfFolder, Repository\n")
    done = installed.run(["python", script], tmp_path)
    assert (done.returncode == 0) is mended, done.stderr


def test_a_broken_config_leaves_s3prl_usable(installed, tmp_path):
    (tmp_path / "broken.yaml").write_text("name: [")
    code = "from s3prl import hub; print('hubert' in hub.options(), callable(hub.hubert_convexpruned_L3))"
    done = installed.run(["python", "-c", code], tmp_path, {"S3PRL_CONVEXPRUNE_CONFIGS": str(tmp_path)})
    assert (done.returncode, done.stdout.split()[-2:]) == (0, ["True", "True"])
    assert "broken.yaml" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def module_on_path(tmp_path, monkeypatch):
    (tmp_path / "watched_module.py").write_text("value = [1]\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "watched_module"
    sys.modules.pop("watched_module", None)
    _importhook.FINDER.before.pop("watched_module", None)
    _importhook.FINDER.after.pop("watched_module", None)


def test_callbacks_run_around_the_module_and_again_on_reload(module_on_path):
    import importlib

    seen: list[object] = []
    _importhook.on_import(
        module_on_path,
        before=lambda: seen.append(module_on_path in sys.modules and hasattr(sys.modules[module_on_path], "value")),
        after=lambda module: seen.append(module.value),
    )
    module = importlib.import_module(module_on_path)
    assert seen == [False, [1]]
    assert module.__spec__.origin.endswith("watched_module.py")
    importlib.reload(module)
    assert seen[2:] == [True, [1]]


def test_a_module_already_imported_is_served_at_once(module_on_path):
    import importlib

    module = importlib.import_module(module_on_path)
    seen: list[ModuleType] = []
    _importhook.on_import(module_on_path, after=seen.append)
    assert seen == [module]


def test_modules_in_one_archive_are_called_back_once_each(tmp_path, monkeypatch):
    """They share a loader."""
    import importlib

    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for name in ("zipped_first", "zipped_second"):
            archive.writestr(f"{name}.py", f"value = {name!r}\n")
    monkeypatch.syspath_prepend(tmp_path / "both.zip")
    seen: list[str] = []
    for name in ("zipped_first", "zipped_second"):
        _importhook.on_import(name, before=lambda name=name: seen.append(name))
        _importhook.on_import(name, after=lambda module: seen.append(module.value))
    try:
        first, second = (importlib.import_module(name) for name in ("zipped_first", "zipped_second"))
        assert first.__loader__ is second.__loader__
        assert seen == ["zipped_first"] * 2 + ["zipped_second"] * 2
    finally:
        for name in ("zipped_first", "zipped_second"):
            sys.modules.pop(name, None)
            _importhook.FINDER.before.pop(name, None)
            _importhook.FINDER.after.pop(name, None)


def test_callbacks_for_a_whole_package(tmp_path, monkeypatch):
    import importlib

    (tmp_path / "watched_package").mkdir()
    for name in ("__init__", "one", "two"):
        (tmp_path / "watched_package" / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("watched_package.one")
    seen: list[str] = []
    _importhook.on_import("watched_package.*", after=lambda module: seen.append(module.__name__))
    try:
        assert seen == ["watched_package.one"]
        importlib.import_module("watched_package.two")
        assert seen == ["watched_package.one", "watched_package.two"]
    finally:
        _importhook.FINDER.after.pop("watched_package.*", None)
        for name in ("watched_package", "watched_package.one", "watched_package.two"):
            sys.modules.pop(name, None)


def test_a_failing_callback_is_one_line_on_stderr(module_on_path, capsys):
    import importlib

    def fail(module: ModuleType) -> None:
        raise ValueError("bad")

    _importhook.on_import(module_on_path, after=fail)
    assert importlib.import_module(module_on_path).value == [1]
    assert capsys.readouterr().err == "s3prl-convexprune: warning: ValueError: bad\n"
