"""Every YAML on a page is read by what it is for; what names HuBERT gets the tiny model here.

The study of docs/studies.md is run by `test_pages_run`, ESPnet's frontend of docs/hosts.md by `test_espnet`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from s3prl_convexprune.upstreams import names

from .blocks import blocks

TEXTS = {block.page.as_posix(): block.text for block in blocks("yaml")}


def test_every_page_with_one_is_named_here():
    assert TEXTS.keys() == {"docs/hosts.md", "docs/names.md", "docs/speechbrain.md", "docs/studies.md"}
    assert len(list(blocks("yaml"))) == len(TEXTS)


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "s3prl_convexprune" / "upstream_configs"
    folder.mkdir(parents=True)
    (folder / "page.yaml").write_text(TEXTS["docs/names.md"])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    given = yaml.safe_load(TEXTS["docs/names.md"])
    config = names.resolve(given["name"])
    assert (config.base, config.layers) == (given["base"], given["layers"])


def test_speechbrain():
    hyperpyyaml = pytest.importorskip("hyperpyyaml", reason="pip install '.[speechbrain]' brings it")
    lobe = hyperpyyaml.load_hyperpyyaml(TEXTS["docs/speechbrain.md"].replace("hubert", "tiny_hubert"))["lobe"]
    assert lobe(torch.randn(2, 8000), torch.ones(2)).shape[:2] == (2, 24)
