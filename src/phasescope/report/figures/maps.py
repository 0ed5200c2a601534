"""Heat maps over (a, b): attention of each head, activations of chosen neurons."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure

from phasescope.report.style import SEQUENTIAL, WIDE, blank, headline, square_panels, styled


@styled
def attention_maps(
    attention: Float64[np.ndarray, "head a b"],
    labels: Sequence[str] = (),
    *,
    title: str = "Where each head looks",
) -> Figure:
    """Draw how much each head attends from where the answer is read to the first operand, for every pair.

    Args:
        attention: Attention to position 0, a fraction, by head and pair; NaN where there is no such pair.
        labels: What to write above each head; by default its number.
        title: The finding.

    Returns:
        A figure as wide as the page, four heads in a row, one colour scale from 0 to 1.

    Example:
        >>> figure = attention_maps(np.full((2, 5, 5), 0.5), ["frequency 35", "frequency 42"])
        >>> [axes.get_title(loc="left") for axes in figure.axes[:2]]
        ['frequency 35', 'frequency 42']
    """
    names = list(labels) or [f"head {head}" for head in range(len(attention))]
    return _maps(attention, names, title, "attention to a (share)", columns=4, limits=(0.0, 1.0))


@styled
def neuron_maps(
    activations: Float64[np.ndarray, "neuron a b"],
    labels: Sequence[str],
    *,
    title: str = "What single neurons answer to",
) -> Figure:
    """Draw the activation of chosen neurons for every pair.

    Args:
        activations: Activation after the non-linearity, by neuron and pair; each is scaled to its largest.
            NaN where there is no such pair.
        labels: What to write above each neuron.
        title: The finding.

    Returns:
        A figure as wide as the page, five neurons in a row.

    Example:
        >>> figure = neuron_maps(np.ones((1, 5, 5)), ["neuron 3, frequency 14"])
        >>> figure.axes[0].get_xlabel()
        'b'
    """
    return _maps(activations, labels, title, "activation / its largest", columns=5, limits=None)


def _maps(
    values: Float64[np.ndarray, "map a b"],
    labels: Sequence[str],
    title: str,
    scale: str,
    columns: int,
    limits: tuple[float, float] | None,
) -> Figure:
    """Arrange square maps in rows with one colour bar."""
    rows = math.ceil(len(values) / columns)
    columns = math.ceil(len(values) / rows)
    figure = blank(WIDE, 0.75 + rows * ((WIDE - 1.3) / columns + 0.12))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, one, label in zip(grid, values, labels, strict=False):
        low, high = limits or (0.0, 1.0)
        shown = one if limits else one / max(float(np.nanmax(one)), 1e-30)
        image = axes.imshow(shown, cmap=SEQUENTIAL, vmin=low, vmax=high, origin="lower")
        axes.set_title(label, fontsize=9, fontweight="normal", pad=4)
    for axes in grid[len(values) :]:
        axes.remove()
    for axes in grid[max(0, len(values) - columns) : len(values)]:
        axes.set_xlabel("b")
        axes.tick_params(labelbottom=True)
    for axes in grid[::columns]:
        axes.set_ylabel("a")
    shown_axes = list(grid[: len(values)])
    figure.colorbar(image, ax=shown_axes, label=scale, shrink=0.9 if rows > 1 else 0.7, pad=0.015, aspect=25)
    headline(figure, title)
    square_panels(figure)
    return figure
