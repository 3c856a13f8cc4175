"""From the command line to the model, a name reads each YAML of the search path at most once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.resources import upstream_configs_dir
from s3prl_convexprune.upstreams import config, config_search, registry

MINE = "hubert_custom_convexpruned_mine"


@pytest.fixture
def reads(tmp_path, monkeypatch) -> Counter[Path]:
    """How often each YAML was read, from now on, with one of the user's own among them."""
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "mine.yaml").write_text(f"name: {MINE}\nbase: hubert_custom\nlayers: 2\n")
    monkeypatch.setenv(config_search.SEARCH_PATH_VARIABLE, str(folder))
    monkeypatch.setattr(config_search, "_read_before", {})
    counted: Counter[Path] = Counter()
    read = config.read_yaml

    def counting(path: Path) -> object:
        counted[Path(path)] += 1
        return read(path)

    monkeypatch.setattr(config, "read_yaml", counting)
    return counted


@pytest.mark.parametrize("name", ["hubert_custom_convexpruned_L2", MINE])
@pytest.mark.parametrize("way", ["show", "export", "build"])
def test_each_yaml_is_read_once(name, way, reads, checkpoint, tmp_path, capsys):
    ckpt = str(checkpoint("hubert-post"))
    if way == "show":
        assert main(["show", name]) == 0
    elif way == "export":
        assert main(["export", name, "-k", ckpt, "-o", str(tmp_path / "out.pt")]) == 0
    else:
        assert registry.build_upstream(name, ckpt=ckpt) is not None
    capsys.readouterr()
    shipped = list(upstream_configs_dir().resolve().glob("*.yaml"))
    assert shipped and set(reads) == {*shipped, (tmp_path / "configs" / "mine.yaml").resolve()}
    assert set(reads.values()) == {1}


def test_a_file_that_has_changed_is_read_again(reads, tmp_path):
    assert config_search.find_configs()[0][MINE].layers == 2
    (tmp_path / "configs" / "mine.yaml").write_text(f"name: {MINE}\nbase: hubert_custom\nlayers: 12\n")
    assert config_search.find_configs()[0][MINE].layers == 12
    assert max(reads.values()) == 2
