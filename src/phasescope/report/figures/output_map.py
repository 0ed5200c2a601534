"""A map of the output layer: a point for each answer, coloured by the coset or residue class it is in."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64
from matplotlib.figure import Figure

from phasescope.report.style import CYCLE, CYCLIC, FAINT, HALF, INK, blank, headline, styled

COLORS = CYCLE[:6]
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
MOST_CLASSES = len(COLORS) * len(MARKERS)


@styled
def output_map(
    points: Float64[np.ndarray, "answer 2"],
    classes: Int64[np.ndarray, " answer"],
    names: Sequence[str] = (),
    *,
    line_step: int = 0,
    title: str = "Where the output layer puts each answer",
) -> Figure:
    """Draw each answer where a map puts it, in the colour and shape of its class.

    Args:
        points: Coordinates without a unit.
        classes: The class of each answer, 0, 1, ...: six colours, then other shapes of the same.
        names: What to call each class; without, there is no legend.
        line_step: If not 0, answers this far apart are joined by thin lines.
        title: The finding.

    Returns:
        A square figure; its axes have no scale, for a map has none.

    Example:
        >>> figure = output_map(np.eye(2), np.array([0, 1]), ["H", "gH"])
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['H', 'gH']
    """
    figure = blank(HALF + (1.4 if names else 0.0), HALF)
    axes = figure.subplots()
    if line_step:
        for one in range(len(points) - line_step):
            axes.plot(*points[[one, one + line_step]].T, color=FAINT, linewidth=0.6, alpha=0.5, zorder=1)
    n_classes = int(classes.max()) + 1
    for one in range(n_classes):
        here = classes == one
        color = COLORS[one % len(COLORS)] if n_classes <= MOST_CLASSES else CYCLIC(one / n_classes)
        marker = MARKERS[one // len(COLORS) % len(MARKERS)]
        x, y = points[here].T
        label = names[one] if names else None
        axes.scatter(
            x, y, s=30, color=color, marker=marker, edgecolor=INK, linewidth=0.3, zorder=2, label=label
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("t-SNE 1")
    axes.set_ylabel("t-SNE 2")
    axes.set_aspect("equal", adjustable="datalim")
    if names:
        figure.legend(loc="outside right center")
    headline(figure, title)
    return figure
