"""Which regime of learning a run falls into, over two fields of its recipe."""

from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from phasescope.errors import PhasescopeError
from phasescope.phases.regime import REGIMES, Regime
from phasescope.report.style import BLUE, FAINT, GREEN, HALF, ORANGE, PURPLE, blank, headline, styled

COLOR_OF_REGIME: Mapping[Regime, str] = {
    "comprehension": GREEN,
    "grokking": BLUE,
    "memorisation": ORANGE,
    "confusion": PURPLE,
}
Cell = tuple[float | str, float | str]
"""Where runs lie: the values of the two fields."""

_LARGEST_WITH_WORDS = 120
"""Cells up to which the time can be written into each."""


@styled
def phase_diagram(
    outcomes: Mapping[Cell, Sequence[Regime]],
    names: tuple[str, str],
    *,
    steps: Mapping[Cell, str] | None = None,
    title: str = "",
) -> Figure:
    """Draw the regimes of runs over two fields; where runs of one cell differ, each has its share of it.

    Args:
        outcomes: By (x, y), the regime of every run there.
        names: Names of the two fields, along the bottom and up the side.
        steps: By (x, y), what to write into the cell, such as the median time to grok.
        title: The finding; by default how many runs are in each regime.

    Returns:
        A figure half the page wide.

    Raises:
        PhasescopeError: If there is no run.

    References:
        liu2022: Towards understanding grokking, figure 6.

    Example:
        >>> cells = {(0.2, 1.0): ["memorisation"], (0.4, 1.0): ["grokking", "comprehension"]}
        >>> phase_diagram(cells, ("fraction", "decay")).get_suptitle()
        '3 runs: 1 comprehension, 1 grokking, 1 memorisation'
    """
    if not any(outcomes.values()):
        raise PhasescopeError("a phase diagram needs at least one run; got none")
    xs, ys = (_ordered({cell[i] for cell in outcomes}) for i in (0, 1))
    figure = blank(HALF, 1.7 + min(4.6, max(1.0, 0.42 * len(ys))))
    axes = figure.subplots()
    for (x, y), regimes in outcomes.items():
        _cell(axes, xs.index(x), ys.index(y), Counter(regimes))
    if steps and len(xs) * len(ys) <= _LARGEST_WITH_WORDS:
        for (x, y), text in steps.items():
            axes.text(
                xs.index(x), ys.index(y), text, ha="center", va="center", fontsize=7.5, color="black",
                bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1.2},
            )  # fmt: skip
    axes.set(xlim=(-0.5, len(xs) - 0.5), ylim=(-0.5, len(ys) - 0.5), xlabel=names[0], ylabel=names[1])
    _ticks(axes, xs, ys)
    found = Counter(regime for regimes in outcomes.values() for regime in regimes)
    axes.legend(
        handles=[Patch(color=COLOR_OF_REGIME[regime], label=regime) for regime in REGIMES],
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, handlelength=1, columnspacing=1.1, borderpad=0.2,
    )  # fmt: skip
    counted = ", ".join(f"{found[regime]} {regime}" for regime in REGIMES if found[regime])
    n = found.total()
    headline(figure, title or f"{n} {'run' if n == 1 else 'runs'}: {counted}")
    return figure


def _cell(axes: Axes, column: int, row: int, found: Counter[Regime]) -> None:
    """Fill a cell with stripes as wide as each regime's share of its runs."""
    left = column - 0.47
    for regime in REGIMES:
        width = 0.94 * found[regime] / max(found.total(), 1)
        axes.add_patch(Rectangle((left, row - 0.47), width, 0.94, color=COLOR_OF_REGIME[regime], linewidth=0))
        left += width


def _ticks(axes: Axes, xs: list[float | str], ys: list[float | str]) -> None:
    """Name columns and rows, a dozen or so of each."""
    for axis, values in ((axes.xaxis, xs), (axes.yaxis, ys)):
        every = max(1, len(values) // 12)
        shown = list(range(0, len(values), every))
        axis.set_ticks(shown, [f"{v:g}" if isinstance(v, int | float) else str(v) for v in values[::every]])
    if max((len(label.get_text()) for label in axes.get_xticklabels()), default=0) > 40 // max(len(xs), 1):
        axes.tick_params(axis="x", rotation=90 if len(xs) > 6 else 20)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def _ordered(values: set[float | str]) -> list[float | str]:
    """Numbers by size, then texts by alphabet."""
    numbers = sorted(value for value in values if not isinstance(value, str))
    return [*numbers, *sorted(value for value in values if isinstance(value, str))]
