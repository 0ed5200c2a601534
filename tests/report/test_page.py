"""The page: offline, without script, everything escaped, everything there."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Evidence
from phasescope.report.figures.maps import neuron_maps
from phasescope.report.page import Page, Plate, Section, page_html, write_page
from phasescope.report.style import blank

NASTY = '"><script>alert("x")</script><img src=x onerror=alert(1)>'
VOID = {"meta", "img", "br", "link", "input"}


class Checker(HTMLParser):
    """Collects tags, attributes and text, and holds every tag against the one that closes it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text, self.open = "", []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _assert_loads_and_runs_nothing(html: str) -> None:
    allowed = {"href": ("#", "https://arxiv.org/", "data:image/png"), "src": ("data:image/png",)}
    for tag, attributes in Checker(html).tags:
        assert tag not in {"script", "iframe", "object", "embed", "link", "form", "base", "foreignobject"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "action", "background"):
                assert value.startswith(allowed[name]), (tag, name, value[:50])
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def _figure(label: str = "x") -> Figure:
    figure = blank()
    figure.subplots().set_xlabel(label)
    return figure


@pytest.fixture
def page(evidence: tuple[Evidence, ...]) -> Page:
    plates = [
        Plate("one", _figure(), "What one shows", "Look here"),
        Plate("two", _figure(), "What two shows"),
    ]
    return Page(
        title="The mainline run",
        summary="It grokked.",
        evidence=evidence,
        sections=[Section("Losses", "A paragraph.", plates)],
        provenance={"torch": "2.13.0", "threads": 2},
        command="phasescope reproduce nanda2023 --seeds 0",
        references={"nanda2023": "https://arxiv.org/abs/2301.05217"},
    )


def test_everything_is_on_the_page(page: Page) -> None:
    html = page_html(page)
    text = Checker(html).text
    parts = ["The mainline run", "It grokked.", "A paragraph.", "Look here", "torch", "2.13.0", "all pairs"]
    parts += [
        "phasescope reproduce nanda2023 --seeds 0",
        "2.41e-7 nats",
        "2.40e-7 nats",
        " to ",
        "within 25 %",
    ]
    parts += ["14, 35, 41, 42, 52", "seed 0 only", "not measured"]
    for part in parts:
        assert part in text
    for verdict in ("✓ shown", "○ not shown", "✗ refuted"):
        assert verdict in text
    assert "✓ 2 shown" in text
    assert 'aria-label="What one shows"' in html
    assert "prefers-color-scheme: dark" in html


def test_nothing_is_loaded_and_nothing_runs(page: Page) -> None:
    html = page_html(page)
    _assert_loads_and_runs_nothing(html)
    assert "default-src &#x27;none&#x27;" in html


def test_verdicts_have_a_colour_each_in_light_and_dark(page: Page) -> None:
    html = page_html(page)
    for name in ("shown", "not-shown", "refuted"):
        assert f'class="verdict {name}"' in html
        assert html.count(f"--{name}: #") == 2


def test_every_string_is_escaped(nasty_evidence: tuple[Evidence, ...]) -> None:
    plate = Plate("one", _figure(NASTY), NASTY, NASTY)
    page = Page(
        title=NASTY,
        summary=NASTY,
        evidence=nasty_evidence,
        sections=[Section(NASTY, NASTY, [plate])],
        provenance={NASTY: NASTY},
        command=NASTY,
        references={NASTY: "https://arxiv.org/" + NASTY},
    )
    html = page_html(page)
    _assert_loads_and_runs_nothing(html)
    assert "\x1b" not in html
    assert Checker(html).text.count(NASTY) >= 8


@pytest.mark.parametrize(
    "url", ["http://arxiv.org", "javascript:alert(1)", " https://a", "//a", "data:text/html"]
)
def test_a_reference_that_is_no_https_link_is_refused(url: str) -> None:
    with pytest.raises(PhasescopeError, match="https"):
        page_html(Page(title="t", references={"a": url}))


def test_two_figures_of_one_name_are_refused() -> None:
    plates = [Plate("same", _figure(), ""), Plate("same", _figure(), "")]
    with pytest.raises(PhasescopeError, match="'same' comes twice"):
        page_html(Page(title="t", sections=[Section("s", plates=plates)]))


def test_files_lie_beside_the_page(page: Page, tmp_path: Path) -> None:
    written = write_page(page, tmp_path / "run" / "report.html")
    names = sorted(path.relative_to(tmp_path / "run").as_posix() for path in written)
    assert names == [
        "figures/one.png",
        "figures/one.svg",
        "figures/two.png",
        "figures/two.svg",
        "report.html",
    ]
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8") == page_html(page)


def test_a_page_of_heat_maps_stays_below_six_megabytes() -> None:
    maps = np.random.default_rng(0).random((10, 113, 113))  # noise, which no PNG can compress
    plates = [
        Plate(f"maps-{i}", neuron_maps(maps, [f"neuron {n}" for n in range(10)]), "maps") for i in range(6)
    ]
    assert len(page_html(Page(title="t", sections=[Section("s", plates=plates)])).encode()) < 6_000_000
