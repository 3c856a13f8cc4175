"""Figures for papers: a template's width, fonts in the file, a legend that explains, nothing of others overwritten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from s3prl_convexprune.analysis.plot import FORMATS, WIDTHS, plot
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.errors import ArtifactError, ConfigError
from tests.analysis.test_select import analysis


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("analyses")
    one: Analysis = analysis([50.0, 60.0, 70.0, 65.0])
    return [one.write(folder / f"{name}.json") for name in ("one", "two")]


@pytest.mark.parametrize("template", WIDTHS)
@pytest.mark.parametrize("width", ["column", "text"])
def test_the_figure_is_as_wide_as_the_template(template: str, width: str, files: list[Path], tmp_path: Path) -> None:
    path = plot(files, tmp_path / "x.svg", width=width, format="svg", template=template)
    found = re.search(r'<svg [^>]*width="([\d.]+)pt"', path.read_text())
    assert found is not None and float(found[1]) / 72 == pytest.approx(WIDTHS[template][width], abs=0.01)


def test_a_pdf_has_its_fonts_within(files: list[Path], tmp_path: Path) -> None:
    content = plot(files, tmp_path / "x.pdf").read_bytes()
    assert b"/FontFile2" in content and b"/Type3" not in content and b"STIXGeneral" in content


def test_the_legend_names_the_lines_the_band_and_the_mark(files: list[Path], tmp_path: Path) -> None:
    text = plot(files, tmp_path / "x.svg", format="svg", style="screen").read_text()
    for words in (
        "band: one standard error",
        "ring: the most convex layer",
        "graph convexity (%)",
        "transformer layer",
    ):
        assert words in text
    assert text.count(Analysis.read(files[0]).title) >= 2
    outlines = plot(files, tmp_path / "y.svg", format="svg", style="paper").read_text()
    assert "<text" not in outlines


@pytest.mark.parametrize("kind", FORMATS)
def test_it_is_the_same_again_and_leaves_others_alone(kind: str, files: list[Path], tmp_path: Path) -> None:
    path = plot(files, tmp_path / f"x.{kind}", format=kind)
    first = path.read_bytes()
    assert plot(files, path, format=kind).read_bytes() == first
    mine = tmp_path / f"mine.{kind}"
    mine.write_bytes({"pdf": b"%PDF-1.4\n%%EOF", "svg": b"<svg/>", "png": b"\x89PNG"}[kind])
    with pytest.raises(ArtifactError, match="left alone"):
        plot(files, mine, format=kind)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": "colum"}, "column"),
        ({"style": "papre"}, "paper"),
        ({"template": "iee"}, "ieee"),
        ({"format": "svg", "output": "x.pdf"}, "ends in .svg"),
    ],
)
def test_a_wrong_option_is_answered(options: dict[str, str], said: str, files: list[Path]) -> None:
    with pytest.raises(ConfigError, match=said):
        plot(files, **options)
