"""Every command in the documents is one that its program takes: options, tasks, names, recipe keys, targets, extras.

The commands are parsed by the programs' own parsers and not run: most need a corpus or a published checkpoint.
`test_pages_run.py` runs those of README.md on tiny stand-ins.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.tasks.recipes import RECIPES, finetuning_recipe, recipe_path
from s3prl_convexprune.tasks.table import get_tasks
from s3prl_convexprune.upstreams import names

from .blocks import ROOT, Block, blocks, commands

#: The system's; nothing of ours can make them wrong.
SYSTEM = ("apt-get", "cd", "git", "pre-commit")
#: Names that a page gives to a cut with `select --name` or in a YAML.
NAMED = set(re.findall(r"(?:--name |^name: )(\w+)", "\n".join(block.text for block in blocks("console", "yaml")), re.M))
CONSOLE = list(blocks("console"))


class Parsed(BaseException):
    """A program took its arguments; it goes no further. No `except Exception` of the program stops this."""


@pytest.fixture
def parse(monkeypatch) -> Callable[[list[str], Callable[[], Any]], argparse.Namespace]:
    """Start a program with these arguments, and return what its parser makes of them."""
    take = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> None:
        raise Parsed(take(self, *args, **kwargs))

    def start(words: list[str], program: Callable[[], Any]) -> argparse.Namespace:
        monkeypatch.setattr(sys, "argv", words)
        with monkeypatch.context() as patch, pytest.raises(Parsed) as parsed:
            patch.setattr(argparse.ArgumentParser, "parse_args", stop)
            program()
        return parsed.value.args[0]

    return start


@pytest.mark.parametrize("block", CONSOLE, ids=str)
def test_the_programs_take_it(block, parse):
    folder = ROOT / block.page.parent
    for words in commands(block):
        program, *arguments = words
        if program == "cd":
            folder /= arguments[0]
        elif program in SYSTEM:
            continue
        elif program == "s3prl-convexprune":
            check_ours(parse(words, lambda given=arguments: main(given)))
        elif program == "run_downstream.py" or "s3prl.run_downstream" in arguments:
            given = (
                arguments[arguments.index("s3prl.run_downstream") + 1 :]
                if program != "run_downstream.py"
                else arguments
            )
            check_s3prls(parse([program, *given], s3prls_program().get_downstream_args))
        elif program == "torchrun":
            given = arguments[arguments.index("s3prl_convexprune") + 1 :]
            check_ours(parse(["s3prl-convexprune", *given], lambda given=given: main(given)))
        elif program == "python" and arguments[0].endswith("/run.py"):
            continue  # what `export` wrote; tests/deploy runs one
        elif words[:2] == ["python", "train.py"]:
            check_hparams(folder / arguments[1], [word.lstrip("-") for word in arguments[2:]])
        elif words[:2] == ["python", "-m"]:
            parse(arguments[1:], lambda module=arguments[1]: runpy.run_module(module, run_name="__main__"))
        elif words[:2] == ["python", "-c"]:
            check_python(arguments[1])
        elif program == "make":
            assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.M), words
        elif program == "pip":
            check_extras(arguments)
        elif program == "export":
            check_variables(arguments)
        else:
            pytest.fail(f"{block}: what is {program}?")


def check_ours(given: argparse.Namespace) -> None:
    """Upstreams and tasks are known; what `finetune` overrides is in its recipe."""
    options = vars(given)
    for option in ("upstream", "name"):
        upstreams = options.get(option) or []
        for name in [upstreams] if isinstance(upstreams, str) else upstreams:
            check_upstream(name)
    for task in options.get("system") or []:
        for pair in task.split(":")[1].split(","):
            check_upstream(pair.split("=")[1])
    task = options.get("task") or []
    chosen = get_tasks([task] if isinstance(task, str) else task)
    if "hparams" in options:
        _, shipped = finetuning_recipe(chosen[0], given.variant)
        check_hparams(ROOT / given.hparams if given.hparams else shipped, given.override)


def check_upstream(name: str) -> None:
    if name not in NAMED:
        base, _ = names.split_name(name) or (name, 0)
        assert base in names.upstream_names(), name


def check_s3prls(given: argparse.Namespace) -> None:
    """The upstream and the downstream are there, and the recipe has the keys that ``-o`` sets."""
    if given.upstream:
        check_upstream(given.upstream)
    if given.downstream:
        assert given.downstream in RECIPES
        recipe = yaml.safe_load(recipe_path(given.downstream).read_text())
        for setting in filter(None, (given.override or "").split(",,")):
            kind, *keys = setting.partition("=")[0].split(".")
            part = recipe if kind == "config" else {key: None for key in vars(given)}
            for key in keys:
                assert key in part, setting
                part = part[key]


def s3prls_program() -> ModuleType:
    from s3prl_convexprune import compat

    compat.apply()
    return importlib.import_module("s3prl.run_downstream")


def check_hparams(file: Path, settings: list[str]) -> None:
    keys = set(re.findall(r"^(\w+):", file.read_text(), re.M))
    assert {setting.partition("=")[0] for setting in settings} <= keys, file


def check_extras(arguments: list[str]) -> None:
    offered = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.M))
    for word in arguments:
        named = re.search(r"^(?:s3prl-convexprune|\.)\[(.+)\]$", word)
        assert named is None or set(named[1].split(",")) <= offered, word


def check_variables(settings: list[str]) -> None:
    readers = [*(ROOT / "s3prl_convexprune").rglob("*.py"), *(ROOT / "studies").glob("*.yaml")]
    sources = "".join(file.read_text() for file in readers)
    known = {folder.variable for recipe in RECIPES.values() for folder in recipe.folders}
    for setting in settings:
        name = setting.partition("=")[0]
        assert name in known or name in sources, name


def check_python(text: str) -> None:
    """What is imported is there, and what is called takes the arguments that it is given."""
    tree, space = ast.parse(text), {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(compile(ast.Module([node], []), "block", "exec"), space)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute):
            try:
                function = eval(ast.unparse(call.func), space)
            except (NameError, AttributeError) as error:
                root = ast.unparse(call.func).split(".")[0].split("(")[0]
                assert root not in space, error
                continue
            if function.__module__.startswith("s3prl_convexprune"):
                keywords = {word.arg: None for word in call.keywords if word.arg}
                inspect.signature(function).bind(*call.args, **keywords)


@pytest.mark.parametrize("block", [block for block in blocks("python") if ">>>" not in block.text], ids=str)
def test_python_calls_what_there_is(block):
    check_python(block.text)


def test_every_command_is_in_a_console_block():
    """A block of another kind is not looked at above."""
    ours = re.compile(r"^(\$ |s3prl-convexprune |run_downstream\.py |python |make |pip |export )", re.M)
    assert [str(block) for block in blocks("", "bash", "sh", "shell", "text") if ours.search(block.text)] == []


def test_the_walker_walks():
    found = [words for block in CONSOLE for words in commands(block)]
    assert len(found) > 40 and {words[0] for words in found} >= {"s3prl-convexprune", "run_downstream.py", "make"}


@pytest.mark.parametrize(
    "line",
    [
        "s3prl-convexprune analyze -u tiny_hubert --corpus demo --labels word -o x.json",
        "s3prl-convexprune run -u hubret -t ks -o exp",
        "s3prl-convexprune run -u hubert -t sk -o exp",
        "run_downstream.py -m train -u hubert -d emotion -n exp -o config.downstream_expert.datarc.rot=/data",
        "python -m tools.pretrain --audio A --outptu RUN",
        "make tset",
        "pip install 's3prl-convexprune[recipe]'",
        "python -c \"from s3prl_convexprune.corpora.demo import lay_out; lay_out('x', 'ks', task='er')\"",
        "export S3PRL_CONVEXPRUNE_DATA_IEMCOAP=/data",
    ],
)
def test_a_wrong_command_is_noticed(line, parse, capsys):
    with pytest.raises((Exception, SystemExit, pytest.fail.Exception)):
        test_the_programs_take_it(Block(Path("README.md"), 1, "console", f"$ {line}\n"), parse)
