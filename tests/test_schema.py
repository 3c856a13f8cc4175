"""Artifacts: what is read is what was written, and anything else is an error that names the file and the field."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3prl_convexprune.artifact import Analysis, Checkpoint, CorpusFacts, LayerRow, Settings
from s3prl_convexprune.errors import ArtifactError, OutputError
from s3prl_convexprune.outputs import check_output, claim_output, mark
from s3prl_convexprune.results.provenance import Depth, Provenance
from s3prl_convexprune.results.result import Cost, Epoch, Memory, Result, Results, Seconds, Unfinished
from s3prl_convexprune.schema import Artifact
from s3prl_convexprune.upstreams.profile import Machine, Profile, Profiles, Timing

INFLUENCE = (0.5, -0.5, 0.5, 0.1)


def analysis() -> Analysis:
    layers = [
        LayerRow(
            k,
            50.0 + k,
            1.0,
            {"a": 40.0 + k, "b": 60.0 + k},
            50.5,
            50.2,
            12,
            0.25,
            (0.5, -0.5, 0.5, 0.1),
            10 + k,
            20 + k,
        )
        for k in range(3)
    ]
    return Analysis(
        "hubert",
        Checkpoint("x.pt", "0" * 64),
        CorpusFacts("corpus", "1" * 64, "train", 4, {"a": 2, "b": 2}),
        "word",
        Settings(200, 10, 1337, "train", "cpu", "mean", 10.0, "2" * 64),
        {"torch": "2.11.0"},
        tuple(layers),
        ("c",),
    )


def layer(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["layers"][1].update(changes)


def field(where: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[where].update(changes)


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a share of 900 %": (layer(convexity=900), "layers.1.convexity is 900, expected less than or equal to 100"),
    "another mean": (layer(convexity=99.0), "layers.1: convexity 99 is not the mean over its classes, 51"),
    "a negative layer": (layer(layer=-7), "layers.1.layer is -7"),
    "a layer twice": (layer(layer=0), "layer 0 stands after layer 0"),
    "layers out of order": (lambda c: c["layers"].reverse(), "layer 1 stands after layer 2"),
    "more silence than points": (field("corpus", silent=5), "silent 5 is more than n_points 4"),
    "a negative error": (layer(sem=-0.1), "layers.1.sem is -0.1"),
    "an error that hides its points": (layer(sem=0.1), "sem 0.1 is smaller"),
    "a point more": (layer(influence=[0.1] * 5), "influence of 5 points, not 4"),
    "points without influence": (layer(influence=[]), "influence of 0 points"),
    "text for a number": (layer(convexity="51"), "layers.1.convexity is '51', expected a valid number"),
    "true for a number": (layer(n_pairs=True), "layers.1.n_pairs is True"),
    "half a layer": (layer(layer=1.5), "layers.1.layer is 1.5"),
    "other classes": (layer(per_class={"a": 51.0}), "other classes than layer 0"),
    "no classes": (layer(per_class={}), "layers.1.per_class"),
    "a deeper cut that is cheaper": (layer(macs=3), "layer 1 has fewer macs than layer 0"),
    "a cut of nothing": (layer(params=0), "layers.1.params is 0"),
    "an unknown field": (layer(certainty=1), "layers.1.certainty is not a field"),
    "a field too few": (lambda c: c["layers"][1].pop("sem"), "layers.1.sem is missing"),
    "no layers": (lambda c: c.update(layers=[]), "layers is []"),
    "other points": (field("corpus", n_points=5), "corpus: n_points 5 is not the sum"),
    "no SHA-256": (field("checkpoint", weights_sha256="abc"), "expected a SHA-256"),
    "no neighbours": (field("settings", neighbors=0), "settings.neighbors is 0"),
    "another version": (lambda c: c.update(version=99), "version 99"),
    "true for a version": (lambda c: c.update(version=True), "version True"),
    "another format": (lambda c: c.update(format="s3prl-convexprune profile"), "is not an analysis"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_out_of_range_is_named(case: str, tmp_path: Path) -> None:
    change, message = REFUSED[case]
    path = analysis().write(tmp_path / "analysis.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError) as caught:
        Analysis.read(path)
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


TEXTS = {
    "NaN": ('"convexity": 51.0', '"convexity": NaN', "NaN is no JSON number"),
    "infinity": ('"convexity": 51.0', '"convexity": Infinity', "Infinity is no JSON number"),
    "a number that overflows": ('"convexity": 51.0', '"convexity": 1e999', "1e999 is too large"),
    "a key twice": ('"convexity": 51.0', '"convexity": 51.0, "convexity": 51.0', "'convexity' is there twice"),
    "half a character": ('"hubert"', '"\\ud800"', "is not JSON"),
    "an endless number": ('"convexity": 51.0', f'"convexity": {"9" * 5000}', "is not JSON"),
    "depth": ('"hubert"', "[" * 100_000, "is not JSON"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_is_no_json_is_explained(case: str, tmp_path: Path) -> None:
    old, new, message = TEXTS[case]
    path = analysis().write(tmp_path / "analysis.json")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ArtifactError, match=r"analysis\.json: ") as caught:
        Analysis.read(path)
    assert message in str(caught.value) and len(str(caught.value)) < 300


def test_what_is_no_file_is_explained(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    for path, message in (
        (tmp_path, "is not a file"),
        (tmp_path / "pipe", "is not a file"),
        (Path("/dev/zero"), "is not a file"),
        (tmp_path / "absent.json", "cannot be read"),
        (tmp_path / ("x" * 300), "cannot be read"),
        (tmp_path / "latin.json", "is not a text file"),
    ):
        with pytest.raises(ArtifactError, match=message):
            Analysis.read(path)


def places(node: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a JSON value."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def holds(whole: Any, part: Any) -> bool:
    """Whether a JSON value says everything that another one says; a field that has a default may be left out there."""
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(holds, whole, part))
    return type(part) in (type(whole), int) and part == whole


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})


def results() -> Results:
    made = Provenance(("run",), "ks.yaml", "0" * 64, ("a=1",), None, "cpu", {"torch": "2"}, "1" * 64, config={"a": [1]})
    spent = Seconds(wall=2.0, cpu=1.0)
    cost = Cost((Epoch(1, 5, 60.0, 0.5, spent, {"error_rate": 40.0}),), spent, 9.5, Memory(10, "resident"), "cpu", 7)
    row = Result(
        "frozen", "tiny", "er", "fold1", 1e-3, 1, "accuracy", 60.0, 50.0, 4, 8, 10, "2" * 64, 12, 100, made, "a/b"
    )  # fmt: skip
    cut = replace(made, depth=Depth("tiny", task="er", policy="argmax", stated={"by": "hand"}))
    finetuned = replace(row, how="finetuned", upstream="tiny_L2", provenance=cut, cost=cost)
    return Results((row, finetuned), (Unfinished("c", "open", "not yet"),))


def profiles() -> Profiles:
    timing = Timing(4.0, 1, 0.5, (0.4, 0.6), 0.125, 12.5)
    machine = Machine("cpu", "x86_64", 2, 1)
    return Profiles((Profile("tiny", 100, 12, 10**9, 4.0, 0.125, {"4": 10**9}, (timing,), machine),), {"torch": "2"})


ARTIFACTS: list[Artifact] = [analysis(), results(), profiles()]


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.FORMAT)
def test_what_is_written_comes_back(artifact: Artifact, tmp_path: Path) -> None:
    path = artifact.write(tmp_path / "x.json")
    assert type(artifact).read(path) == artifact
    before = path.read_bytes()
    assert type(artifact).read(path).write(path).read_bytes() == before


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.FORMAT)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_artifact_is_refused_or_means_what_it_says(
    artifact: Artifact, tmp_path: Path, data: st.DataObject
) -> None:
    """Whatever is changed in a file: it reads back as a file that says exactly the same, or it is an ArtifactError."""
    content = json.loads(artifact.write(tmp_path / "valid.json").read_text())
    *above, key = data.draw(st.sampled_from(places(content)[1:]))
    node = content
    for step in above:
        node = node[step]
    if data.draw(st.booleans()):
        del node[key]
    else:
        node[key] = data.draw(JSON_VALUES)
    path = tmp_path / "mutated.json"
    path.write_text(json.dumps(content))
    try:
        found = type(artifact).read(path)
    except ArtifactError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert holds(json.loads(found.write(tmp_path / "again.json").read_text()), content)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 2000), text=st.binary(max_size=8))
def test_a_damaged_file_is_an_artifact_error(tmp_path: Path, cut: int, text: bytes) -> None:
    path = analysis().write(tmp_path / "analysis.json")
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + text + whole[cut + 1 + len(text) :])
    try:
        found = Analysis.read(path)
    except ArtifactError as error:
        assert str(path) in str(error)
    else:
        assert found.write(tmp_path / "again.json").is_file()
    path.unlink()


def test_what_read_would_refuse_is_not_written(tmp_path: Path) -> None:
    wrong = Settings(200, 0, 1337, None, "cpu", "mean", 10.0, "2" * 64)
    given = Analysis(**{**vars(analysis()), "settings": wrong})
    with pytest.raises(ArtifactError, match=r"settings\.neighbors is 0"):
        given.write(tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


FOREIGN = {
    "somebody's notes": b'{"notes": []}',
    "somebody's bytes": bytes(range(256)),
    "another artifact of ours": json.dumps({"format": "s3prl-convexprune profile", "version": 1}).encode(),
    "a newer version": json.dumps({"format": "s3prl-convexprune analysis", "version": 3}).encode(),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_not_an_older_version_is_left_alone(case: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(FOREIGN[case])
    for attempt in (lambda: analysis().write(path), lambda: claim_output(path, "analysis").__enter__()):
        with pytest.raises(ArtifactError, match="left alone"):
            attempt()
    assert path.read_bytes() == FOREIGN[case] and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"", b'{"format": "s3prl-convexprune analysis", "version": 1, damaged', mark("analysis").encode()]
)
def test_what_is_ours_or_empty_is_replaced(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    assert Analysis.read(analysis().write(tmp_path / "x.json")) == analysis()


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path, "is a folder"),
        ("/dev/null", "is not a regular file"),
        (tmp_path / "file" / "x.json", "not a folder"),
        (tmp_path / ("x" * 300), "too long"),
        ("a\0b", "is not a path"),
    ):
        with pytest.raises(OutputError, match=message):
            check_output(path, "analysis")


def test_two_processes_do_not_write_the_same_output(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    other = (
        "import sys; from s3prl_convexprune.outputs import claim_output\n"
        "with claim_output(sys.argv[1], 'analysis'): print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", other, str(path)], **pipes)
    assert process.stdout and process.stdout.readline() == "held\n"
    with pytest.raises(ArtifactError, match="another process is writing it"), claim_output(path, "analysis"):
        pass
    process.kill()
    process.wait()
    with claim_output(path, "analysis"):  # what a killed process left is taken over
        pass
    assert list(tmp_path.iterdir()) == []
