"""The claims on the terminal, never wider than it is."""

from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from phasescope.evidence.claim import Evidence, Verdict
from phasescope.report.claims_table import SIGN
from phasescope.report.numbers import with_unit

COLOR: dict[Verdict, str] = {"shown": "green", "not shown": "yellow", "refuted": "bold red"}
NARROW = 90
"""Columns below which the rule is left out and the interval stands under its mean."""


def print_claims(evidence: Sequence[Evidence], console: Console | None = None) -> None:
    """Print every claim with its published and its measured value, interval, rule and verdict.

    On a terminal the verdict is in colour too; into a file or a pipe the same table goes as plain aligned
    text. Below 90 columns the rule is left out, and the interval stands under the mean it belongs to.

    Args:
        evidence: The claims and what was measured, in the order to print.
        console: Where to; by default standard output.

    Example:
        >>> import io
        >>> out = io.StringIO()
        >>> print_claims([], Console(file=out, width=60))
        >>> out.getvalue().splitlines()[-1]
        '0 shown, 0 not shown, 0 refuted'
    """
    console = console or _Output()
    fits = console.width >= NARROW
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold" if console.is_terminal else "",
    )
    table.add_column("claim", ratio=1, min_width=12, overflow="fold")
    table.add_column("published", justify="right", overflow="fold")
    table.add_column("measured", justify="right", overflow="fold")
    if fits:
        table.add_column("95 % interval", justify="right", overflow="fold")
    table.add_column("n", justify="right")
    if fits:
        table.add_column("rule", overflow="fold")
    table.add_column("verdict", min_width=9, overflow="fold")
    for one in evidence:
        table.add_row(*_cells(one, fits))
    console.print(table)
    counts = Counter(one.verdict for one in evidence)
    console.print(Text(", ".join(f"{counts[verdict]} {verdict}" for verdict in SIGN)))


class _Output(Console):
    """Standard output; whoever closes it early is told apart from a failure by the caller, not by rich."""

    def on_broken_pipe(self) -> NoReturn:
        """Let the error through instead of ending the process with status 1."""
        raise BrokenPipeError


def _cells(one: Evidence, fits: bool) -> list[Text]:
    """Write one row; texts from outside are never read as markup or as commands to the terminal."""
    claim = one.claim
    measured = _printable(one.note) if one.measured is None else with_unit(one.measured)
    interval = "" if one.interval is None else " to ".join(with_unit(end) for end in one.interval)
    cells = [
        Text(_printable(claim.statement)),
        Text(with_unit(claim.published, _printable(claim.unit))),
        Text(measured if fits or not interval else f"{measured}\n{interval}"),
    ]
    if fits:
        cells.append(Text(interval))
    cells.append(Text(str(one.n)))
    if fits:
        cells.append(Text(str(claim.rule)))
    cells.append(Text(f"{SIGN[one.verdict]} {one.verdict}", style=COLOR[one.verdict]))
    return cells


def _printable(text: str) -> str:
    """Leave out what would move the cursor or change colours."""
    return "".join(c if c.isprintable() else " " for c in text)
