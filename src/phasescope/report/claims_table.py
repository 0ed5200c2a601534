"""The claims as an HTML table: published beside measured, with the verdict in colour and in words."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from phasescope.evidence.claim import Evidence, Verdict
from phasescope.report.html import element, escape
from phasescope.report.numbers import with_unit

SIGN: dict[Verdict, str] = {"shown": "✓", "not shown": "○", "refuted": "✗"}
COLUMNS = ("claim", "published", "measured", "95 % interval", "seeds", "rule", "verdict")
NUMBERS = ("published", "measured", "95 % interval", "seeds")


def tally(evidence: Sequence[Evidence]) -> str:
    """Write how many claims are shown, not shown and refuted, all three even where one is none.

    Args:
        evidence: The claims and what was measured.

    Returns:
        An HTML list.

    Example:
        >>> "0 refuted" in tally([])
        True
    """
    counts = Counter(one.verdict for one in evidence)
    items = [
        element("li", escape(f"{SIGN[verdict]} {counts[verdict]} {verdict}"), class_=_css_class(verdict))
        for verdict in SIGN
    ]
    return element("ul", *items, class_="tally")


def claims_table(evidence: Sequence[Evidence]) -> str:
    """Write the claims as a table, grouped by where they are published.

    Args:
        evidence: The claims and what was measured, in the order to print.

    Returns:
        An HTML table.

    Example:
        >>> claims_table([]).count("<th ")
        7
    """
    head = "".join(
        element("th", escape(name), class_="number" if name in NUMBERS else "word", scope="col")
        for name in COLUMNS
    )
    rows = []
    for source, group in groupby(evidence, key=lambda one: one.claim.source):
        rows.append(element("tr", element("th", escape(source), colspan=len(COLUMNS), scope="rowgroup")))
        rows.extend(_row(one) for one in group)
    return element("table", element("thead", element("tr", head)), element("tbody", *rows))


def _row(one: Evidence) -> str:
    """Write one claim."""
    claim = one.claim
    statement = escape(claim.statement) + _small(claim.variant)
    only = f"seed {claim.seed} only" if claim.seed_specific else ""
    measured = "–" if one.measured is None else with_unit(one.measured, claim.unit)
    interval = "–" if one.interval is None else " to ".join(with_unit(end) for end in one.interval)
    number = "number set" if isinstance(claim.published, tuple) else "number"
    return element(
        "tr",
        element("td", statement),
        element("td", escape(with_unit(claim.published, claim.unit)), class_=number),
        element("td", escape(measured), _small(one.note), class_=number),
        element("td", escape(interval), class_="number"),
        element("td", escape(one.n), _small(only), class_="number"),
        element("td", escape(claim.rule), class_="rule"),
        element(
            "td", escape(f"{SIGN[one.verdict]} {one.verdict}"), class_=f"verdict {_css_class(one.verdict)}"
        ),
        id=f"claim-{claim.id}",
    )


def _small(text: str) -> str:
    """Write a second line in small print, if there is one."""
    return element("small", escape(text)) if text else ""


def _css_class(verdict: str) -> str:
    """Turn a verdict into the class that colours it."""
    return verdict.replace(" ", "-")
