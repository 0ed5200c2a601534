"""What a notebook shows is small and without script."""

import numpy as np

from phasescope.evidence.claim import Evidence
from phasescope.report.figures.maps import neuron_maps
from phasescope.report.notebook import LARGEST, evidence_html, figure_html
from phasescope.report.style import blank


def test_a_small_figure_is_an_svg_in_the_notebooks_ink() -> None:
    html = figure_html(blank(), "empty", "nothing")
    assert "<svg" in html
    assert len(html) < 10_000


def test_the_largest_figure_fits() -> None:
    maps = np.random.default_rng(0).random((20, 113, 113))
    html = figure_html(neuron_maps(maps, [str(n) for n in range(20)]), "maps", "noise")
    assert '<img src="data:image/png' in html
    assert len(html.encode()) <= LARGEST


def test_claims_are_escaped(nasty_evidence: tuple[Evidence, ...]) -> None:
    html = evidence_html(nasty_evidence)
    assert "<script" not in html
    assert "<img" not in html
    assert html.startswith("<div>")
