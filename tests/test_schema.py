"""Artifacts: what is read is what was written, and anything else is an error that names the file and the field."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.errors import ArtifactError
from s3prl_convexprune.schema import Artifact
from tests.artifacts import analysis, depth_times, device_profile, profiles, results


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


ARTIFACTS: list[Artifact] = [analysis(), results(), profiles(), depth_times(), device_profile()]


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
