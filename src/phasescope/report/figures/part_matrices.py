"""Numbers by two names: heads against heads, parts against digits; each cell coloured and written out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phasescope.report.numbers import compact
from phasescope.report.style import FAINT, SEQUENTIAL, WIDE, blank, headline, styled

LINE = 0.27
"""Height of a row of cells, inches."""
LETTER = 0.075
"""Width of a letter of a name, inches."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """Numbers with a name for each row and column.

    Args:
        rows: Names of the rows, from top to bottom.
        columns: Names of the columns.
        values: The numbers; NaN where there is none.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    values: Float64[np.ndarray, "row column"]


@styled
def part_matrices(
    panels: Mapping[str, Matrix],
    scale: str,
    *,
    title: str,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw matrices below one another with one colour scale, the number in each cell.

    Args:
        panels: By what stands above each; an empty name for a single one.
        scale: What the numbers are, with their unit.
        title: The finding.
        limits: Smallest and largest colour; by default zero and the largest number.

    Returns:
        A figure as wide as the page.

    Example:
        >>> matrix = Matrix(["head 0.0"], ["digit 0", "digit 1"], np.array([[0.5, 2.0]]))
        >>> figure = part_matrices({"": matrix}, "loss added (nats)", title="Head 0.0 serves digit 1")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0.500', '2']
    """
    every = np.concatenate([matrix.values.ravel() for matrix in panels.values()])
    low, high = limits or (0.0, max(float(np.nanmax(every, initial=0.0)), 1e-12))
    tallest = [len(matrix.rows) for matrix in panels.values()]
    figure = blank(WIDE, 0.8 + sum(LINE * n + 0.75 for n in tallest))
    grid = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": tallest})[:, 0]
    for axes, (name, matrix) in zip(grid, panels.items(), strict=True):
        image = axes.imshow(matrix.values, cmap=SEQUENTIAL, vmin=low, vmax=high, aspect="auto")
        _write(axes, matrix, low, high)
        axes.set_title(name, fontsize=9, fontweight="normal", pad=4)
    figure.colorbar(
        image, ax=list(grid), label=scale, pad=0.015, aspect=25, shrink=min(1.0, 12 / sum(tallest))
    )
    headline(figure, title)
    return figure


def _write(axes: Axes, matrix: Matrix, low: float, high: float) -> None:
    """Write the names, and each number in black or white, whichever is read on its cell."""
    axes.set_yticks(range(len(matrix.rows)), list(matrix.rows))
    room = (WIDE - 2.2) / max(len(matrix.columns), 1)
    slanted = max(map(len, matrix.columns), default=0) * LETTER > room
    axes.set_xticks(
        range(len(matrix.columns)),
        list(matrix.columns),
        rotation=30 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor",
    )
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    colors = mpl.colormaps[SEQUENTIAL]
    for (row, column), value in np.ndenumerate(matrix.values):
        if np.isnan(value):
            axes.text(column, row, "–", ha="center", va="center", fontsize=8, color=FAINT)
            continue
        red, green, blue, _ = colors((value - low) / (high - low))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        axes.text(
            column, row, compact(float(value)) if abs(value) >= 0.0005 else "0",
            ha="center", va="center", fontsize=8, color="white" if dark else "black",
        )  # fmt: skip
