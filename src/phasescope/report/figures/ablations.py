"""What taking a part away, or keeping only a part, does to the loss."""

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from phasescope.report.numbers import compact
from phasescope.report.style import BLUE, FAINT, GREEN, VERMILION, WIDE, blank, headline, styled

LABEL_LETTERS = 46
"""Letters in one line of an intervention's name."""


@styled
def ablation_bars(
    losses: Mapping[str, float],
    before: float,
    *,
    published: Mapping[str, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw the loss after each intervention as a bar that starts at the loss before it, on a log axis.

    A bar to the right (vermilion) harms, a bar to the left (green) helps. A small upright line marks the
    published loss.

    Args:
        losses: Loss after each intervention, nats, positive.
        before: Loss of the untouched network, nats.
        published: Published loss of some of them, nats.
        title: The finding; by default how many help and how many harm.

    Returns:
        A figure as wide as the page.

    Example:
        >>> figure = ablation_bars({"keep cos, sin": 5e-8, "drop 14": 0.2}, before=2.4e-7)
        >>> figure.get_suptitle()
        'Of 2 interventions 1 lower the loss and 1 raise it'
    """
    names, after = list(losses), np.array(list(losses.values()))
    labels = [textwrap.fill(name, LABEL_LETTERS) for name in names]
    lines = sum(max(1.5, label.count("\n") + 1) for label in labels)
    figure = blank(WIDE, 0.95 + 0.175 * lines)
    axes = figure.subplots()
    rows = np.arange(len(names))[::-1]
    worse = after > before
    axes.barh(rows, np.log10(after / before), left=np.log10(before), height=0.62, linewidth=0,
              color=[VERMILION if harmed else GREEN for harmed in worse])  # fmt: skip
    axes.axvline(np.log10(before), color=FAINT, linewidth=1)
    axes.annotate(f"untouched: {compact(before)}", (np.log10(before), 1), xycoords=("data", "axes fraction"),
                  xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
    for name, row, loss, harmed in zip(names, rows, after, worse, strict=True):
        ends = [loss]
        if published and name in published:
            ends.append(published[name])
            axes.plot([np.log10(published[name])] * 2, [row - 0.42, row + 0.42], color=BLUE, linewidth=2)
        tip = max(ends) if harmed else min(ends)
        axes.annotate(
            compact(float(loss)), (np.log10(tip), row), xytext=(5 if harmed else -5, 0), va="center",
            textcoords="offset points", ha="left" if harmed else "right", fontsize=8,
        )  # fmt: skip
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.09 * (high - low), high + 0.09 * (high - low))
    axes.set_yticks(rows, labels)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(_whole_decades(*axes.get_xlim()))
    axes.xaxis.set_major_formatter(lambda power, _: f"1e{power:.0f}" if power < -2 else f"{10.0**power:g}")
    mark = "; blue marks: published" if published else ""
    axes.set_xlabel(f"loss over all pairs (nats, log scale){mark}")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    lowered = int((~worse).sum())
    finding = f"Of {len(names)} interventions {lowered} lower the loss and {len(names) - lowered} raise it"
    headline(figure, title or finding)
    return figure


def _whole_decades(low: float, high: float) -> FixedLocator:
    """Put ticks at whole powers of ten, no more than ten of them."""
    powers = np.arange(np.ceil(low), np.floor(high) + 1)
    return FixedLocator(powers[:: max(1, -(-len(powers) // 10))].tolist())
