"""Which neurons serve which class of questions: each a row, sorted by the class that needs it most."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure

from phasescope.report.style import SEQUENTIAL, WIDE, blank, headline, styled


@styled
def neuron_classes(
    cost: Float64[np.ndarray, "neuron class"], classes: Sequence[str], *, title: str
) -> Figure:
    """Draw what the ablation of each neuron costs each class, each neuron scaled to its largest.

    Args:
        cost: Loss that is added; neurons whose ablation costs nothing are best left out.
        classes: Names of the classes.
        title: The finding.

    Returns:
        A figure as wide as the page.

    Example:
        >>> figure = neuron_classes(np.array([[0.0, 1.0], [2.0, 0.5]]), ["digit 0", "digit 1"], title="Two")
        >>> figure.axes[0].images[0].get_array().tolist()
        [[1.0, 0.25], [0.0, 1.0]]
    """
    order = np.lexsort((-cost.max(axis=1), cost.argmax(axis=1)))
    shown = np.clip(cost[order] / cost[order].max(axis=1, keepdims=True), 0, 1)
    figure = blank(WIDE, 4.2)
    axes = figure.subplots()
    image = axes.imshow(shown, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(classes)), list(classes), rotation=30, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(f"{len(cost):,} neurons, sorted by class")
    axes.set_yticks([])
    figure.colorbar(image, ax=axes, label="cost / the neuron's largest", pad=0.015, aspect=25)
    headline(figure, title)
    return figure
