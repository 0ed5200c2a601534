"""Where the loss is: a bar for each position, digit, carry, or whatever a task notes of its questions."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from phasescope.report.style import BLUE, FAINT, WIDE, blank, headline, styled

COLUMNS = 2
MOST_NAMED = 14
"""Bars up to which each has its name below it."""


@styled
def loss_bars(panels: Mapping[str, Mapping[str, float]], guess: float, *, title: str) -> Figure:
    """Draw the loss of each class of questions, a panel for each way of sorting them.

    Args:
        panels: By what sorts the questions: class to loss, nats.
        guess: Loss of a guess, drawn as a thin line where it lies within the panel.
        title: The finding.

    Returns:
        A figure as wide as the page, two panels in a row, each with a vertical scale of its own.

    Example:
        >>> figure = loss_bars({"digit": {"0": 0.1, "1": 1.2}}, 2.3, title="Digit 1 is not learnt")
        >>> figure.axes[0].get_xlabel(), len(figure.axes[0].patches)
        ('digit', 2)
    """
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = blank(WIDE, 0.6 + 1.9 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, classes) in zip(grid, panels.items(), strict=False):
        axes.bar(range(len(classes)), list(classes.values()), color=BLUE, width=0.75, linewidth=0)
        if guess <= 1.3 * max(classes.values(), default=0.0):
            axes.axhline(guess, color=FAINT, linewidth=0.9, linestyle=":")
            place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom", "fontsize": 8}
            axes.annotate("guess", (0.995, guess), **place)
        every = max(1, -(-len(classes) // MOST_NAMED))
        axes.set_xticks(range(0, len(classes), every), list(classes)[::every])
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel(name)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
    for axes in grid[len(panels) :]:
        axes.remove()
    for axes in grid[: len(panels)][::columns]:
        axes.set_ylabel("loss (nats)")
    headline(figure, title)
    return figure
