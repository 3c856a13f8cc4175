"""The rooms of the package: who may import whom, read off the code; no module imports itself through others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import s3prl_convexprune

PACKAGE = Path(s3prl_convexprune.__file__).parent
GROUND = {"errors", "atomic", "locks", "fingerprint", "versions", "resources", "numbers", "outputs", "schema"}
GROUND |= {"policies", "sampling", "memory", "markdown", "progress", "program", "workers", "paper"}
GROUND |= {"devices", "yaml_file"}
GROUND |= {"safe_eval", "safe_load", "compat", "_importhook", "_lazy", "budget"}

#: Room -> the rooms that it may import beside the ground floor, which imports nothing but itself.
MAY_IMPORT: dict[str, set[str]] = {
    **{name: set() for name in GROUND},
    "demo": set(),
    "convexity": set(),
    "artifact": {"convexity"},
    "corpora": {"demo"},
    "tasks": {"corpora"},
    "upstreams": {"artifact", "convexity", "demo"},
    "downstream": {"tasks", "upstreams"},
    "analysis": {"artifact", "convexity", "corpora", "upstreams"},
    "results": {"tasks", "upstreams"},
    "report": {"analysis", "artifact", "convexity", "results", "tasks", "upstreams"},
    "speechbrain": {"corpora", "results", "tasks", "upstreams"},
    "deploy": {"artifact", "corpora", "results", "tasks", "upstreams"},
    "_plugin": {"downstream", "upstreams"},
}
#: What stands above all rooms: it may import any of them, and none of them imports it.
TOP = {"cli", "__main__", "__init__"}
ABOVE = {*TOP, "experiments", "verbs", "doctor", "run_downstream"}
#: What may be longer than LINES: tables, a row a thing.
TABLES = {"s3prl_convexprune/upstreams/families.py"}
LINES = 250
LIGHT = (
    "convexity",
    "errors",
    "results",
    "tasks",
    "_importhook",
    "yaml_file",
    "numbers",
    "paper",
    "markdown",
    "artifact",
)


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(module: str, path: Path) -> Iterator[str]:
    """The modules of ours that a module imports, at its top or inside a function; not those for type checking."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = (node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    unread = {id(inner) for block in blocks for node in block.body for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in unread:
            continue
        base = node.module or ""
        if node.level:
            above = package.split(".")
            base = ".".join([*above[: len(above) - node.level + 1], *filter(None, [node.module])])
        for alias in node.names:
            for name in (f"{base}.{alias.name}", base):
                if name in MODULES:
                    yield name
                    break


GRAPH = {module: set(imports(module, path)) - {module} for module, path in MODULES.items()}


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


ROOMS = {
    name: {room(other) for module in GRAPH if room(module) == name for other in GRAPH[module]} - {name}
    for name in map(room, GRAPH)
}


@pytest.mark.parametrize("graph", [GRAPH, ROOMS], ids=["module", "room"])
def test_none_imports_itself_through_others(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_room_is_in_the_plan():
    assert set(ROOMS) == {*MAY_IMPORT, *ABOVE}


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_it_may(name):
    allowed = {name} | MAY_IMPORT[name] | GROUND
    arrows = {(module, other) for module, others in GRAPH.items() if room(module) == name for other in others}
    assert {(module, other) for module, other in arrows if room(other) not in allowed} == set()


def test_nothing_imports_the_command_line():
    assert {name for name, others in ROOMS.items() if name not in TOP and others & TOP} == set()


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_room_has_no_torch_and_no_audio(name):
    for module, path in MODULES.items():
        if room(module) == name:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = {
                alias.name.partition(".")[0]
                for node in ast.walk(tree)
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            names |= {
                (node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
            }
            assert not names & {"torch", "torchaudio", "soundfile", "s3prl", "transformers"}, module


def test_no_file_but_a_table_has_more_lines_than_one_idea_needs():
    root = PACKAGE.parent
    rooms = ("s3prl_convexprune", "tests", "benchmarks", "tools", "downstream_recipes")
    paths = [path for name in rooms for path in (root / name).rglob("*.py")]
    lines = {path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name for name, count in lines.items() if count > LINES} <= TABLES
