"""Every console and python block of the pages runs, but for those that say above their fence what they need.

Readers do not see that line; `NEEDS` has what it can say. What a command asks for beyond the shipped model and corpus
has a stand-in: the tiny model is HuBERT, tones are the corpora, two steps a schedule. Each page is run from top to
bottom in a folder of its own; docs/python.md has a test of its own. `pip` is run by `tests/downstream`, `make demo` by
`tests/demo/test_run.py`.
"""

from __future__ import annotations

import doctest
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from s3prl_convexprune import run_downstream as run
from s3prl_convexprune.cli.main import main
from tests import recipe_corpora, tiny_corpora
from tests.corpora import forced_alignments
from tests.deploy.exporter import CAN_EXPORT, LACKING
from tests.downstream.conftest import SHORT, override

from .blocks import NEEDS, PAGES, ROOT, blocks, commands, to_run

README = to_run("README.md")
OTHERS = sorted({block.page for block in to_run()} - {Path("README.md"), Path("docs/python.md")})

#: Enough to learn two tones apart: a head that beats nothing on dev is no result.
TWELVE_STEPS = SHORT | {"config.runner.total_steps": 12, "config.runner.eval_step": 12}

#: What a command gets beside its own options, so that it takes seconds.
SCALED_DOWN = {
    "train": ["--device", "cpu", "-o", override(TWELVE_STEPS)],
    "evaluate": ["--device", "cpu"],
    "analyze": ["--device", "cpu"],
    "run": ["--device", "cpu", "--shard", "1/126", "--lr", "0.01", "--override"]
    + [f"{key}={value!r}" for key, value in TWELVE_STEPS.items()],
    "profile": ["--seconds", "0.1", "--batch", "1", "--repeats", "1"],
}


def stand_in(text: str) -> str:
    """With the tiny model for every upstream but those that the page itself names, and the corpora of `home`."""
    text = re.sub(r"\b(hubert|wavlm)(?=\b|_convexpruned_L\d)", "tiny_hubert", text)
    return re.sub(r"(^~|(?<![\w.])(?=/data/))", os.environ["HOME"], text)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home folder of its own to stand in, with the corpora in the variables and under the page's name."""
    corpora = recipe_corpora.ks(tmp_path / "corpora" / "ks", words=("yes", "no", "up"), train=8)
    corpora |= recipe_corpora.sid(tmp_path / "corpora" / "sid") | recipe_corpora.er(tmp_path / "corpora" / "er")
    for name, value in corpora.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "SC").symlink_to(corpora["S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "speech_commands_v0.02").symlink_to(tmp_path / "SC")
    tiny_corpora.voxceleb1(tmp_path / "data" / "VoxCeleb1", each=5)
    tiny_corpora.iemocap(tmp_path / "data" / "IEMOCAP_full_release", emotions=("neu", "hap", "ang", "sad"))
    librispeech = tiny_corpora.librispeech(tmp_path / "data" / "LibriSpeech")
    (librispeech / "alignments").mkdir()
    forced_alignments.ctm(librispeech, librispeech / "alignments" / "phones.ctm", "phones")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_readme(home, capsys):
    ran = []
    for block in README:
        if block.language == "console":
            for words in commands(block):
                if words[0] != "pip":
                    start(words)
                    ran.append(words)
        else:
            check_python(block.text)
    assert len(ran) >= 9
    assert "word" in Path("board.html").read_text() and "tiny_hubert" in Path("board.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("page", OTHERS, ids=str)
def test_page(page, home, capsys):
    if page.name == "device.md" and not CAN_EXPORT:
        pytest.skip(LACKING)
    for block in blocks("yaml"):
        if block.page == page and block.text.startswith("study: "):
            Path(f"{yaml.safe_load(block.text)['study']}.yaml").write_text(block.text)
    space: dict[str, object] = {}
    for block in to_run(str(page)):
        if block.language == "console":
            for words in commands(block):
                start(words)
        elif ">>>" in block.text:
            example = doctest.DocTestParser().get_doctest(block.text, space, str(block), str(page), block.line)
            assert doctest.DocTestRunner().run(example, clear_globs=False).failed == 0
            space = example.globs
        else:
            exec(block.text, space)


def test_what_a_block_needs_is_said_above_its_fence():
    marked = [block for block in blocks("console", "python") if block.needs]
    assert {block.needs for block in marked} == NEEDS.keys()
    said = [re.findall(r"^\s*<!-- *needs", (ROOT / page).read_text(), re.M) for page in PAGES]
    assert sum(map(len, said)) == len(marked)


def test_no_block_escapes_the_walk():
    """A fence of another form, or in a list, would be neither run nor marked."""
    fences = [re.findall(r"^[ >]*(?:```|~~~)", (ROOT / page).read_text(), re.M) for page in PAGES]
    assert sum(map(len, fences)) == 2 * len(list(blocks()))


def start(words: list[str]) -> None:
    program, *given = map(stand_in, words)
    if program == "export":
        os.environ.update(setting.split("=") for setting in given)
        return
    mode = given[1] if program == "run_downstream.py" else given[0]
    more = [] if {"--by-depth", "--exported"} & {*given} else SCALED_DOWN.get(mode, [])
    if "-o" in given and mode == "train":
        given[given.index("-o") + 1] += ",," + more[-1]
        more = more[:-2]
    given += more
    status = run.main(given) if program == "run_downstream.py" else main(given)
    assert status == 0, words


def check_python(text: str) -> None:
    rng = np.random.default_rng(0)
    space = {"wavs": [torch.randn(8000)], "points": rng.normal(size=(40, 4)), "labels": ["a", "b"] * 20}
    exec(stand_in(text), space)
    assert len(space["hidden_states"]) == 7 and 0 < space["score"] < 100
