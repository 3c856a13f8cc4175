"""Artifacts that were edited or damaged, and outputs that would destroy what is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .row import ANALYZE, Row

NOTES = '{"notes": "mine"}'


def edited(source: str, edit: Callable[[Any], object]) -> Callable[[Path, Path], object]:
    """A file of the material with something changed."""

    def make(path: Path, material: Path) -> None:
        content = json.loads((material / source).read_text())
        edit(content)
        path.write_text(json.dumps(content))

    return make


def copied(source: str) -> Callable[[Path, Path], object]:
    return lambda path, material: shutil.copy(material / source, path)


def layer(**changes: Any) -> Callable[[Any], object]:
    return lambda content: content["layers"][3].update(changes)


def row(**changes: Any) -> Callable[[Any], object]:
    return lambda content: content["rows"][0].update(changes)


ANALYSES: dict[str, tuple[Callable[[Any], object], str]] = {
    "infinite": (layer(convexity=float("inf")), "Infinity"),
    "NaN": (layer(sem=float("nan")), "NaN"),
    "900 %": (layer(convexity=900.0), "layers.3.convexity"),
    "a better score": (layer(convexity=99.9), "layers.3"),
    "a layer -7": (layer(layer=-7), "layers.3.layer"),
    "a layer twice": (layer(layer=2), "layer 2"),
    "a negative error": (layer(sem=-1.0), "layers.3.sem"),
    "a row without its layer": (lambda content: content["layers"][3].pop("layer"), "layers.3.layer"),
    "a share of 2": (layer(disconnected=2.0), "layers.3.disconnected"),
    "MACs as text": (layer(macs="many"), "layers.3.macs"),
    "no layers": (lambda content: content.update(layers=[]), "layers"),
    "no checkpoint": (lambda content: content.pop("checkpoint"), "checkpoint is missing"),
    "another version": (lambda content: content.update(version=7), "version 7"),
    "an unknown field": (lambda content: content.update(score=1), "score"),
}
RESULTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "NaN": (row(test=float("nan")), "NaN"),
    "999": (row(test=999.0), "rows.0"),
    "a negative score": (row(test=-1.0), "rows.0.test"),
    "a score that its predictions do not give": (row(test=99.0), "rows.0.test"),
    "a dev score that its cell does not have": (row(dev=99.0), "rows.0.dev"),
    "a task that is none": (row(task="kws"), "kws"),
    "a fold where there is none": (row(fold="fold1"), "fold1"),
    "another way to train": (row(how="thawed"), "rows.0.how"),
    "no recipe": (lambda content: content["rows"][0]["provenance"].pop("recipe"), "rows.0.provenance.recipe"),
    "a seed of -1": (row(seed=-1), "rows.0.seed"),
    "a learning rate of 0": (row(lr=0.0), "rows.0.lr"),
    "an unknown field": (row(score=1), "rows.0.score"),
    "a cell twice": (lambda content: content["rows"].append(content["rows"][0]), "two results for one cell"),
    "rows that are no list": (lambda content: content.update(rows=3), "rows"),
}
PROFILES: dict[str, tuple[Callable[[Any], object], str]] = {
    "a negative time": (lambda content: content["rows"][0]["timings"][0].update(latency_s=-1.0), "latency_s"),
    "NaN": (row(rtf=float("nan")), "NaN"),
    "no machine": (lambda content: content["rows"][0].pop("machine"), "rows.0.machine"),
    "no timings": (row(timings=[]), "rows.0.timings"),
    "half a parameter": (row(params=1.5), "rows.0.params"),
}
SPEECH_COMMANDS = {
    "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS": "@ks/train",
    "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS_TEST": "@ks/test",
}
TEXTS = {"half a file": '{"format": "s3prl-convexprune ', "a list": "[]", "nothing": "", "bytes": b"\xff\xfe\x00"}


def another_machine(content: Any) -> None:
    other = json.loads(json.dumps(content["rows"][0]))
    other["upstream"] = "other"
    other["machine"] = {"device": "cuda", "name": "a GPU", "cores": None, "threads": None}
    content["rows"].append(other)


def _destroys() -> list[Row]:
    leaderboard = "leaderboard @results.json -o"
    profile = "profile -u tiny_hubert --seconds 0.1 --batch 1 --repeats 1 -o"
    select = "select {} --name tiny_hubert_convexpruned_mine -o"
    made = {"a.json": copied("analysis.json"), "x.json": NOTES, "notes.md": "# mine\n", "x.csv": "a,b\n1,2\n"}
    cases = {
        "analyze over notes": f"{ANALYZE} -o x.json",
        "analyze into its own curve": f"{ANALYZE} -o x.svg",
        "analyze over a profile": f"{ANALYZE} -o p.json",
        "analyze beside a picture": f"{ANALYZE} -o notes.json",
        "select over its analysis": f"{select.format('a.json')} a.json",
        "select over notes": f"{select.format('a.json')} notes.md",
        "plot over a picture": "plot a.json --format png -o notes.png",
        "plot over its analysis": "plot a.json -o a.json",
        "leaderboard over notes": f"{leaderboard} notes.md",
        "leaderboard over a table of somebody's": f"{leaderboard} x.csv",
        "leaderboard over an analysis": f"{leaderboard} a.json",
        "leaderboard over its results": "leaderboard r.json -o r.json",
        "leaderboard over a page of somebody's": f"{leaderboard} mine.html",
        "profile over an analysis": f"{profile} a.json",
        "profile over notes": f"{profile} x.json",
        "export over notes": "export hubert_custom_convexpruned_L2 -k @hubert.pt -o x.json",
        "export to onnx over notes": "export hubert_custom_convexpruned_L2 -k @hubert.pt --format onnx -o x.json",
    }
    files = {
        **made,
        "p.json": copied("profile.json"),
        "r.json": lambda path, material: _relocated(path, material),
        "notes.png": b"\x89PNG mine",
        "mine.html": "<!doctype html><p>mine",
    }
    says = {
        "analyze into its own curve": "curve",
        "plot over its analysis": "--format",
        "export over notes": "exists",
        "export to onnx over notes": "exists",
    }
    return [Row(name, command, says.get(name, "left alone"), files) for name, command in cases.items()]


def _relocated(path: Path, material: Path) -> None:
    content = json.loads((material / "results.json").read_text())
    for row in content["rows"]:
        row["folder"] = str(material / row["folder"])
    path.write_text(json.dumps(content))


ROWS = [
    *(
        Row(
            f"select: an analysis with {case}",
            "select a.json -o out.yaml",
            ("a.json", says),
            {"a.json": edited("analysis.json", edit)},
        )
        for case, (edit, says) in ANALYSES.items()
    ),
    *(
        Row(
            f"leaderboard: results with {case}",
            "leaderboard results.json -o out.md",
            ("results.json", says) if case != "a cell twice" else says,
            {"results.json": edited("results.json", edit)},
        )
        for case, (edit, says) in RESULTS.items()
    ),
    *(
        Row(
            f"leaderboard: a profile with {case}",
            "leaderboard @results.json --profile p.json",
            ("p.json", says),
            {"p.json": edited("profile.json", edit)},
        )
        for case, (edit, says) in PROFILES.items()
    ),
    Row(
        "leaderboard: profiles of two devices",
        "leaderboard @results.json --profile p.json",
        ("a GPU", "one column"),
        {"p.json": edited("profile.json", another_machine)},
    ),
    *(
        Row(f"{verb}: {case} for an artifact", command.format("x.json"), "x.json", {"x.json": content})
        for case, content in TEXTS.items()
        for verb, command in {
            "select": "select {} -o out.yaml",
            "leaderboard": "leaderboard {}",
            "leaderboard's profile": "leaderboard @results.json --profile {}",
            "leaderboard's analysis": "leaderboard @results.json --analysis {} -o out.html",
        }.items()
    ),
    *_destroys(),
    *(
        Row(f"demo: a {name} of somebody's", "demo -o out", ("left alone", name), {f"out/{name}": NOTES})
        for name in ("answer.txt", "leaderboard.md", "report.html", "results.json", "profile.json")
    ),
    *(
        Row(
            f"{verb}: a {name} of somebody's",
            f"{command} --device cpu -o out",
            "left alone",
            {f"out/{name}": NOTES},
            environ=SPEECH_COMMANDS,
        )
        for verb, command, name in (
            ("run", "run -u tiny_hubert -t ks", "results.json"),
            ("finetune", "finetune -u tiny_hubert -t ks --data-folder @ks/train", "results.json"),
            ("finetune", "finetune -u tiny_hubert -t ks --data-folder @ks/train", "table.md"),
        )
    ),
]
