"""Whatever lies in the search path: a config that cannot be read is one line, soon, and all other names stay."""

from __future__ import annotations

import os

import pytest

from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.memory import forget_peak, peak_memory, resident_memory
from s3prl_convexprune.upstreams import names
from s3prl_convexprune.upstreams.config import load_config
from s3prl_convexprune.upstreams.config_search import SEARCH_PATH_VARIABLE, find_configs, search_path

GOOD = "name: n\nbase: hubert\nlayers: 3\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)
MERGES = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 10)
)

CONTENT = {
    "a date that is none": (f"{GOOD}task: 2020-13-45", "month"),
    "a number that is none": ("name: n\nbase: hubert\nlayers: 0x_", "is not YAML"),
    "5000 digits": (f"name: n\nbase: hubert\nlayers: {'9' * 5000}", "is not YAML"),
    "20000 bits": (f"name: n\nbase: hubert\nlayers: 0x{'f' * 5000}", "layers is a huge int"),
    "a date as a key": (f"{GOOD}2020-01-01: 1", "unknown key datetime.date"),
    "lists in lists": ("[" * 60_000, "nested too deeply"),
    "mappings in mappings": (f"a: {'{b: ' * 10_000}", "nested too deeply"),
    "an alias bomb": (BOMB, "stands for more than"),
    "an alias bomb in provenance": (f"{GOOD}provenance:\n  " + BOMB.replace("\n", "\n  "), "stands for more than"),
    "a bomb of merges": (MERGES, "stands for more than"),
    "a list that holds itself": ("name: n\nbase: hubert\nlayers: &a [*a]", "stands for more than"),
    "two documents": (f"{GOOD}---\n{GOOD}", "single document"),
    "a class": ("!!python/name:os.system x", "constructor"),
    "UTF-16": (GOOD.encode("utf-16"), "is not UTF-8"),
    "Latin-1": (b"name: \xe9", "is not UTF-8 text (byte 6)"),
    "zero bytes": ("\0" * 1000, "is not YAML"),
    "nothing": ("", "must hold the keys"),
    "too long": (GOOD + "#" * 70_000, "longer than 64 kB"),
    "a checkpoint in a home that is none": (f"{GOOD}select: {{analysis: ~nosuchuser/a.json}}", "one of layers"),
    "an analysis in a home that is none": (
        "name: n\nbase: hubert\nselect: {analysis: ~nosuchuser/a.json}",
        "~nosuchuser/a.json' is no path",
    ),
    "a checkpoint's path that is too long": (f"{GOOD}base_args: {{ckpt: {'a/' * 5000}}}", "is no path"),
    "a checkpoint that is to be unpickled": (f"{GOOD}base_args: {{ckpt: a.pt, legacy: true}}", "unpickled"),
    "a checkpoint that is a mapping": (f"{GOOD}base_args: {{ckpt: {{a: b}}}}", "ckpt must be a path"),
    "a long name": (f"name: {'n' * 300}\nbase: hubert\nlayers: 3", "letters, digits"),
    "a name with a newline": ('name: "n\\n"\nbase: hubert\nlayers: 3', "letters, digits"),
    "a name of full-width digits": ("name: hubert_L３\nbase: hubert\nlayers: 3", "ASCII"),
    "a name with an underscore before": ("name: _n\nbase: hubert\nlayers: 3", "start with a letter"),
    "a depth in the name that it has not": (
        "name: hubert_custom_convexpruned_L3\nbase: hubert_custom\nlayers: 1",
        "says 3 layers of hubert_custom, but it stands for 1 layers of hubert_custom",
    ),
    "a base in the name that it has not": ("name: wavlm_convexpruned_L3\nbase: hubert\nlayers: 3", "layers of wavlm"),
    "a depth in the name that may change": (
        "name: hubert_convexpruned_L3\nbase: hubert\nselect: {analysis: a.json}",
        "a depth that an analysis decides",
    ),
    "another spelling": ("name: hubert_convexpruned_L06\nbase: hubert\nlayers: 6", "is spelt hubert_convexpruned_L6"),
}


@pytest.mark.parametrize("case", CONTENT)
def test_content(case, tmp_path):
    content, reason = CONTENT[case]
    path = tmp_path / "c.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    counted, before = forget_peak(), resident_memory()
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert not counted or peak_memory() - before < 100e6
    said = str(refused.value)
    assert said.startswith(str(path)) and reason in said
    assert "\n" not in said and len(said) - len(str(path)) < 400


def test_a_byte_order_mark_is_no_harm(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_config(tmp_path / "c.yaml").layers == 3


def test_a_name_may_state_the_depth_that_it_has(tmp_path):
    (tmp_path / "c.yaml").write_text("name: hubert_convexpruned_L3\nbase: hubert\nlayers: 3\n")
    assert load_config(tmp_path / "c.yaml").name == "hubert_convexpruned_L3"


FILES = {
    "a pipe": (os.mkfifo, "a pipe"),
    "a folder": (os.mkdir, "is a folder"),
    "a loop": (lambda path: path.symlink_to(path), "cannot be read"),
    "a broken link": (lambda path: path.symlink_to("nowhere"), "cannot be read"),
    "an endless file": (lambda path: path.symlink_to("/dev/zero"), "device"),
    "a terabyte": (lambda path: (path.touch(), os.truncate(path, 1 << 40)), "longer than"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_none(case, tmp_path, monkeypatch):
    make, reason = FILES[case]
    make(tmp_path / "bad.yaml")
    (tmp_path / "good.yaml").write_text(GOOD)
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, str(tmp_path))
    configs, errors = find_configs()
    assert {"n", "hubert_convexpruned_half"} <= configs.keys()
    assert [reason in str(error) for error in errors.values()] == [True]


def test_a_files_name_does_not_break_the_line(tmp_path, monkeypatch):
    (tmp_path / "a\nb\x1b[31m.yaml").write_text("x: 1")
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, str(tmp_path))
    (where, error), *_ = find_configs()[1].items()
    assert where.isprintable() and str(error).isprintable()


def loop(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return str(tmp_path / "loop")


PLACES = {
    "no such user": (lambda tmp_path: "~nosuchuser/configs", "~nosuchuser/configs: is left out"),
    "too long": (lambda tmp_path: "/" + "a" * 5000, "is left out: File name too long"),
    "a loop": (loop, "loop: is left out"),
    "not there": (lambda tmp_path: str(tmp_path / "nowhere"), None),
    "a file": (lambda tmp_path: __file__, None),
}


@pytest.mark.parametrize("case", PLACES)
def test_places_that_are_none(case, tmp_path, monkeypatch):
    make, reason = PLACES[case]
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "good.yaml").write_text(GOOD)
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, os.pathsep.join([make(tmp_path), str(tmp_path / "good")]))
    configs, errors = find_configs()
    assert {"n", "hubert_convexpruned_half"} <= configs.keys()
    assert len(errors) == (reason is not None)
    assert all(reason in str(error) and "\n" not in str(error) for error in errors.values())


def test_without_a_home(monkeypatch):
    import pathlib

    def nobody(*args):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(pathlib.Path, "expanduser", lambda path: nobody() if str(path)[0] == "~" else path)
    configs, errors = find_configs()
    assert "hubert_convexpruned_half" in configs and not errors


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir(mode=0)
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, str(tmp_path / "shut"))
    configs, errors = find_configs()
    assert "hubert_convexpruned_half" in configs and "Permission denied" in str(errors)
    assert search_path()


@pytest.mark.parametrize("name", ["wavlm_local", "hubert", "torch", "options"])
def test_a_cut_under_a_name_that_the_hub_has(name, tmp_path, monkeypatch):
    """What would run is the hub's own; so it is no cut, neither where it is read nor where it is written."""
    (tmp_path / "c.yaml").write_text(f"name: {name}\nbase: hubert\nlayers: 3\n")
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, str(tmp_path))
    configs, errors = names.usable_configs()
    assert name not in configs and f"named {name!r}" in str(errors[str(tmp_path / "c.yaml")])
    with pytest.raises(ConfigError, match=f"named {name!r}"):
        names.check_cut_name("--name", name, "hubert", 3)


def test_the_helpers_are_the_hubs():
    """Names that the hub holds beside upstreams."""
    from s3prl_convexprune.upstreams.registry import load_hub

    hub = load_hub()
    capital = {name for name in vars(hub) if name.isupper()}
    other = {"load_and_convert_fairseq_ckpt"} | capital
    taken = {name for name in vars(hub) if not name.startswith("_") and name not in hub.options()} - other
    assert taken - set(names.whole_upstreams()) <= set(names.HELPERS)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hubert_convexpruned_L06", "a depth is spelt hubert_convexpruned_L6"),
        ("hubert_convexpruned_l6", "a depth is spelt hubert_convexpruned_L6"),
        ("hubert_convexpruned_L６", "a depth is spelt hubert_convexpruned_L6"),
        ("hubert_convexpruned_L6\n", "a depth is spelt hubert_convexpruned_L6"),
        ("hubert_convexpruned_L" + "9" * 5000, "no pruned upstream"),
    ],
)
def test_a_depth_has_one_spelling(name, hint):
    assert names.split_name(name) is None
    with pytest.raises(names.UnknownUpstreamError) as refused:
        names.resolve(name)
    assert hint in str(refused.value) and str(refused.value).isprintable() and len(str(refused.value)) < 300
