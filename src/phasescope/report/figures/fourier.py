"""How much of a weight matrix each frequency carries, at the end and through training."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64, Int64
from matplotlib.figure import Figure

from phasescope.report.figures.frequency_labels import label_frequencies
from phasescope.report.style import BLUE, FAINT, ORANGE, SEQUENTIAL, WIDE, blank, headline, steps_axis, styled

MOST_NAMES = 12
"""With more key frequencies than this, they are counted and not named."""


@styled
def fourier_bars(
    norms: Mapping[str, Float64[np.ndarray, " component"]],
    key_frequencies: Sequence[int] = (),
    *,
    title: str = "",
) -> Figure:
    """Draw the norm of each Fourier component of one or more matrices.

    Components come in the order of `fourier_basis`: the constant, then cosine and sine of frequency 1, 2, and
    so on. Key frequencies are in colour and named; the others are grey.

    Args:
        norms: By name of the matrix, the norm of each row of ``F @ W``, no unit.
        key_frequencies: Frequencies to highlight.
        title: The finding; by default which frequencies are highlighted.

    Returns:
        A figure as wide as the page, one panel a matrix.

    Example:
        >>> figure = fourier_bars({"W_E": np.array([0.1, 2.0, 2.1, 0.1, 0.1])}, [1])
        >>> figure.axes[0].get_ylabel(), figure.get_suptitle()
        ('norm in W_E', 'Weight sits on frequency 1')
    """
    figure = blank(WIDE, 0.7 + 1.9 * len(norms))
    grid = figure.subplots(len(norms), 1, squeeze=False)[:, 0]
    for axes, (name, heights) in zip(grid, norms.items(), strict=True):
        component = np.arange(1, len(heights))
        frequency, is_sine = (component + 1) // 2, component % 2 == 0
        is_key = np.isin(frequency, list(key_frequencies))
        for sine, color, label in ((False, BLUE, "cosine"), (True, ORANGE, "sine")):
            shift = 0.21 if sine else -0.21
            for chosen, paint in ((is_key, color), (~is_key, FAINT)):
                rows = (is_sine == sine) & chosen
                axes.bar(
                    frequency[rows] + shift, heights[1:][rows], width=0.42, color=paint,
                    alpha=1.0 if paint == color else (0.55 if sine else 0.9),
                    label=label if paint == color else None, linewidth=0,
                )  # fmt: skip
        for k in key_frequencies if len(key_frequencies) <= MOST_NAMES else ():
            top = float(heights[1:][frequency == k].max())
            axes.annotate(
                str(k), (k, top), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8.5
            )
        axes.set_ylabel(f"norm in {name}")
        axes.set_xlim(0.3, len(heights) // 2 + 0.7)
        axes.margins(y=0.12)
    grid[-1].set_xlabel("frequency k")
    if key_frequencies:
        grid[0].legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, ncols=2)  # above all bars
    headline(figure, title or _finding(key_frequencies))
    return figure


@styled
def fourier_over_training(
    steps: Int64[np.ndarray, " point"],
    norms: Float64[np.ndarray, "point frequency"],
    key_frequencies: Sequence[int] = (),
    *,
    name: str = "W_E",
    title: str = "",
) -> Figure:
    """Draw each frequency's share of a matrix through training as a heat map.

    Args:
        steps: Evenly spaced steps of the checkpoints.
        norms: Norm of each frequency 1, 2, ... at each checkpoint.
        key_frequencies: Frequencies to mark at the right edge.
        name: The matrix.
        title: The finding; by default on which frequencies the weight ends.

    Returns:
        A figure as wide as the page.

    Example:
        >>> figure = fourier_over_training(np.array([0, 100]), np.ones((2, 3)), [2])
        >>> figure.axes[0].get_ylabel()
        'frequency k'
    """
    figure = blank(WIDE, 4.2)
    axes = figure.subplots()
    half = (steps[-1] - steps[0]) / max(2 * (len(steps) - 1), 1)
    image = axes.imshow(
        norms.T, aspect="auto", origin="lower", cmap=SEQUENTIAL, vmin=0,
        extent=(float(steps[0] - half), float(steps[-1] + half), 0.5, norms.shape[1] + 0.5),
    )  # fmt: skip
    label_frequencies(axes, key_frequencies, "right")
    steps_axis(axes)
    axes.set_ylabel("frequency k")
    figure.colorbar(image, ax=axes, label=f"norm of {name} at the frequency", pad=0.06, fraction=0.035)
    headline(figure, title or _finding(key_frequencies).replace("Weight sits", f"{name} comes to rest"))
    return figure


def _finding(key_frequencies: Sequence[int]) -> str:
    """Name the highlighted frequencies."""
    names = [str(k) for k in sorted(key_frequencies)]
    if not names:
        return "No frequency stands out"
    if len(names) == 1:
        return f"Weight sits on frequency {names[0]}"
    if len(names) > MOST_NAMES:
        return f"Weight sits on {len(names)} of the frequencies"
    return f"Weight sits on {len(names)} frequencies: {', '.join(names[:-1])} and {names[-1]}"
