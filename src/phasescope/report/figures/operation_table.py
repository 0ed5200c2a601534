"""A binary operation as a table with blanks, as Power et al. draw it."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Int64
from matplotlib.figure import Figure

from phasescope.report.style import CYCLIC, FAINT, HALF, blank, headline, styled

BLANK = -1
"""Entry of a table whose answer is not shown."""
LARGEST_WITH_NAMES = 16
"""Operands up to which every cell can hold the name of its answer."""


@styled
def operation_table(
    table: Int64[np.ndarray, "left right"],
    names: Sequence[str] = (),
    *,
    title: str = "",
) -> Figure:
    """Draw an operation's table: the training examples are shown, the rest is blank for the network to fill.

    Args:
        table: Answer of each pair of operands as a whole number from 0; -1 where it is blank.
        names: Name of each answer, written into the cells of a small table; by default its number.
        title: The finding; by default how much is shown.

    Returns:
        A figure half the page wide.

    Example:
        >>> figure = operation_table(np.array([[0, 1], [-1, 0]]))
        >>> figure.get_suptitle(), [text.get_text() for text in figure.axes[0].texts]
        ('3 of 4 answers are shown', ['0', '1', '', '0'])
    """
    figure = blank(HALF, HALF)
    axes = figure.subplots()
    n_left, n_right = table.shape
    shown = np.ma.masked_equal(table, BLANK)
    n_answers = max(int(table.max()) + 1, 1)
    colors = CYCLIC(np.arange(n_answers) / n_answers)
    axes.imshow(shown, cmap=mpl.colors.ListedColormap(colors), vmin=-0.5, vmax=n_answers - 0.5)
    axes.spines[["top", "right"]].set_visible(True)
    if max(table.shape) <= LARGEST_WITH_NAMES:
        words = list(names) or [str(answer) for answer in range(n_answers)]
        for (i, j), answer in np.ndenumerate(table):
            word = "" if answer == BLANK else words[answer]
            axes.text(j, i, word, ha="center", va="center", color="black", fontsize=9)
        axes.set_xticks(range(n_right), list(names)[:n_right] or None)
        axes.set_yticks(range(n_left), list(names)[:n_left] or None)
        axes.set_xticks(np.arange(n_right + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n_left + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=FAINT, alpha=0.5)
        axes.tick_params(which="minor", length=0)
    axes.set_xlabel("right operand b")
    axes.set_ylabel("left operand a")
    n_shown = int((table != BLANK).sum())
    headline(figure, title or f"{n_shown:,} of {table.size:,} answers are shown")
    return figure
