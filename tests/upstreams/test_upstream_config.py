"""An upstream config that works is read as written; one that does not says why, where and what would."""

from __future__ import annotations

import os

import pytest
import yaml

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.upstreams.config import load_config
from s3prl_convexprune.upstreams.config_search import find_configs

GOOD = {"name": "hubert_cut", "base": "hubert", "layers": 6}


def write(folder, content, name="cut.yaml"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_minimal_config(tmp_path):
    config = load_config(write(tmp_path, GOOD))
    assert (config.name, config.base, config.layers, config.final_norm) == ("hubert_cut", "hubert", 6, None)


def test_no_layer_at_all_is_a_legal_depth(tmp_path):
    assert load_config(write(tmp_path, {**GOOD, "layers": 0})).layers == 0


def test_relative_paths_start_at_the_config(tmp_path):
    write(tmp_path, "weights", "model.pt")
    config = load_config(write(tmp_path, {**GOOD, "base_args": {"ckpt": "model.pt"}}))
    assert config.base_args["ckpt"] == str(tmp_path / "model.pt")
    selecting = {"name": "a", "base": "hubert", "select": {"analysis": "analysis.json"}}
    assert load_config(write(tmp_path, selecting)).select.analysis == tmp_path / "analysis.json"


BAD = {
    "unknown key": ({**GOOD, "layer": 6}, "unknown key 'layer'; did you mean 'layers'"),
    "no base": ({"name": "x", "layers": 1}, "the key 'base' is missing"),
    "no depth": ({"name": "x", "base": "hubert"}, "one of layers"),
    "two depths": ({**GOOD, "select": {"analysis": "a.json"}}, "one of layers"),
    "negative depth": ({**GOOD, "layers": -1}, "layers must be 0 or more"),
    "depth in words": ({**GOOD, "layers": "six"}, "layers must be a whole number"),
    "depth as truth": ({**GOOD, "layers": True}, "layers must be a whole number"),
    "depth as fraction": ({**GOOD, "layers": 6.5}, "layers must be a whole number"),
    "name with a dash": ({**GOOD, "name": "hubert-cut"}, "letters, digits and underscores"),
    "final norm": ({**GOOD, "final_norm": "kept"}, "did you mean 'keep'"),
    "policy": ({"name": "x", "base": "y", "select": {"analysis": "a", "policy": "best"}}, "no policy 'best'"),
    "policy key": ({"name": "x", "base": "y", "select": {"analyses": "a"}}, "did you mean 'analysis'"),
    "budget without one": ({"name": "x", "base": "y", "select": {"analysis": "a", "policy": "budget"}}, "max_macs"),
    "budget over the whole": (
        {"name": "x", "base": "y", "select": {"analysis": "a", "policy": "budget", "max_macs": 60}},
        "max_macs) 60: expected a share above 0",
    ),
    "a list": (["hubert"], "must hold the keys"),
    "not YAML": ("name: [", "is not YAML"),
    "a python object": ("!!python/object/apply:os.system ['true']", "is not YAML"),
    "provenance": ({**GOOD, "provenance": "me"}, "provenance must be a mapping"),
    "base_args": ({**GOOD, "base_args": ["ckpt"]}, "base_args must be a mapping"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_config_names_the_file_and_the_reason(tmp_path, case):
    content, reason = BAD[case]
    path = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(path) in str(caught.value) and reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "absent.yaml")


def test_two_configs_with_one_name_make_neither_usable(tmp_path, monkeypatch):
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, {**GOOD, "layers": 7}, "b.yaml")
    write(tmp_path, {**GOOD, "name": "other"}, "c.yaml")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    configs, errors = find_configs()
    assert "hubert_cut" not in configs and "other" in configs
    assert "a.yaml" in str(errors["hubert_cut"]) and "b.yaml" in str(errors["hubert_cut"])


def test_a_users_config_goes_before_a_shipped_one_of_its_name(tmp_path, monkeypatch, capsys):
    mine = write(tmp_path, {**GOOD, "name": "hubert_convexpruned_words", "layers": 7}, "mine.yaml")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    configs, errors = find_configs()
    config = configs["hubert_convexpruned_words"]
    assert (config.layers, config.path, config.shadows.name) == (7, mine, "hubert_convexpruned_words.yaml")
    assert main(["show", "hubert_convexpruned_words"]) == 0 and main(["list"]) == 0
    shown = capsys.readouterr().out
    assert f"goes_before: {config.shadows}" in shown and f"{mine}, before the shipped one" in shown
    assert not errors and configs["hubert_convexpruned_speakers"].shadows is None
    write(tmp_path, {**GOOD, "name": "hubert_convexpruned_words", "layers": 9}, "other.yaml")
    assert "rename one" in str(find_configs()[1]["hubert_convexpruned_words"])


def test_the_search_path(tmp_path, monkeypatch):
    user = tmp_path / "home" / "s3prl_convexprune" / "upstream_configs"
    folders = [user, tmp_path / "one", tmp_path / "two"]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        write(folder, {**GOOD, "name": f"cut_{number}"})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", os.pathsep.join(map(str, folders[1:])))
    assert {"cut_0", "cut_1", "cut_2"} <= set(find_configs()[0])


def test_a_broken_file_does_not_hide_the_others(tmp_path, monkeypatch):
    write(tmp_path, GOOD, "good.yaml")
    broken = write(tmp_path, "name: [", "broken.yaml")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    configs, errors = find_configs()
    assert "hubert_cut" in configs and str(broken) in errors
