"""SVG and PNG of a figure: same bytes, own ids, page's ink, nothing fetched."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from phasescope.errors import PhasescopeError
from phasescope.report.image import inline_png, inline_svg, png_bytes, svg_document, write_figure
from phasescope.report.style import INK, blank, headline, styled


@styled
def _figure(title: str = "A finding") -> Figure:
    figure = blank()
    axes = figure.subplots()
    axes.plot([0, 1, 2], [3, 1, 2], marker="o")
    axes.imshow(np.eye(3), extent=(0, 1, 0, 1))
    axes.set_xlabel(title)
    headline(figure, title)
    return figure


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert svg_document(_figure(), "a") == svg_document(_figure(), "a")
    assert inline_svg(_figure(), "a", "x") == inline_svg(_figure(), "a", "x")
    assert png_bytes(_figure()) == png_bytes(_figure())


def test_two_figures_on_one_page_share_no_id_and_find_their_own() -> None:
    one, two = inline_svg(_figure(), "one", ""), inline_svg(_figure(), "two", "")
    ids = [re.findall(r'\bid="([^"]+)"', drawing) for drawing in (one, two)]
    assert len(ids[0]) == len(set(ids[0]))
    assert not set(ids[0]) & set(ids[1])
    wanted = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', one))
    assert wanted
    assert {first or second for first, second in wanted} <= set(ids[0])


def test_inline_ink_is_the_pages_own() -> None:
    drawing = inline_svg(_figure(), "a", "")
    assert "currentColor" in drawing
    assert INK not in drawing
    assert INK in svg_document(_figure(), "a")


def test_nothing_is_fetched_and_text_stays_text() -> None:
    drawing = inline_svg(_figure("Test loss falls"), "a", "")
    assert "http" not in drawing
    assert ">Test loss falls</text>" in drawing
    assert all(link.startswith(("#", "data:image/png")) for link in re.findall(r'href="([^"]*)"', drawing))
    ElementTree.fromstring(drawing)


def test_titles_and_descriptions_are_escaped() -> None:
    bad = '<script>alert("x")</script>'
    drawing = inline_svg(_figure(bad), "a", bad)
    assert "<script" not in drawing
    root = ElementTree.fromstring(drawing)
    assert root.attrib["aria-label"] == bad


def test_inline_png_is_one_element_with_its_own_bytes() -> None:
    image = inline_png(_figure(), 'a "b"', dpi=20)
    assert image.startswith('<img src="data:image/png;base64,')
    assert image.endswith('alt="a &quot;b&quot;">')


def test_both_files_are_written(tmp_path: Path) -> None:
    svg, png = write_figure(_figure(), tmp_path / "deep" / "er", "losses_1")
    assert (svg.name, png.name) == ("losses_1.svg", "losses_1.png")
    ElementTree.parse(svg)
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", ["", "Losses", "../up", "a b", "a.svg", "a" * 10 + "<", "1a"])
def test_a_name_that_is_no_file_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PhasescopeError, match="figure's name"):
        write_figure(_figure(), tmp_path, name)
    assert not list(tmp_path.iterdir())
