"""The claims on the terminal: never wider than it, plain in a pipe, safe with any text."""

import io
import unicodedata

import pytest
from rich.console import Console

from phasescope.evidence.claim import Evidence
from phasescope.report.terminal import print_claims


def _printed(evidence: tuple[Evidence, ...], width: int, terminal: bool = False) -> str:
    out = io.StringIO()
    print_claims(evidence, Console(file=out, width=width, force_terminal=terminal, legacy_windows=False))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 50, 60, 79, 80, 89, 90, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(evidence: tuple[Evidence, ...], width: int) -> None:
    for line in _printed(evidence, width).splitlines():
        assert len(line) <= width


def test_a_wide_terminal_shows_everything(evidence: tuple[Evidence, ...]) -> None:
    text = _printed(evidence, 160)
    for part in ("The network solves the task.", "2.41e-7 nats", "2.40e-7", " to ", "within 25 %", "✓ shown",
                 "✗ refuted", "○ not shown", "not measured", "2 shown, 1 not shown, 1 refuted"):  # fmt: skip
        assert part in text


def test_a_narrow_one_keeps_published_measured_and_verdict(evidence: tuple[Evidence, ...]) -> None:
    text = _printed(evidence, 70)
    assert "2.41e-7" in text
    assert "2.40e-7" in text
    assert "✓ shown" in text
    assert "within" not in text


def test_columns_are_aligned(evidence: tuple[Evidence, ...]) -> None:
    lines = _printed(evidence, 140).splitlines()
    column = lines[0].index("verdict")
    marks = [line[column] for line in lines[1:-1] if len(line) > column and line[column] != " "]
    assert marks == ["✓", "✓", "✗", "○"]


def test_a_pipe_gets_no_colour_and_a_terminal_does(evidence: tuple[Evidence, ...]) -> None:
    assert "\x1b" not in _printed(evidence, 100)
    assert "\x1b[" in _printed(evidence, 100, terminal=True)


def test_no_text_commands_the_terminal_or_is_read_as_markup(nasty_evidence: tuple[Evidence, ...]) -> None:
    text = _printed(nasty_evidence, 150)
    assert all(unicodedata.category(c) != "Cc" for c in text if c != "\n")
    assert "[bold red]markup[/]" in text
