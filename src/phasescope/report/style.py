"""One look for every figure: a palette all eyes tell apart, thin spines, readable on white and black."""

import textwrap
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

P = ParamSpec("P")

INK = "#1a1d23"
"""Text, spines and ticks; in a page it is replaced by the colour of the page's own text."""
FAINT = "#8b929c"
"""What stands back: grid lines, chance levels, whatever is not the point."""

BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#56b4e9",
    "#cc79a7",
    "#f0e442",
)
"""The palette of Okabe and Ito, told apart with every common kind of colour blindness."""
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW)
COLOR_OF = {
    "train": BLUE,
    "test": VERMILION,
    "restricted": GREEN,
    "excluded": ORANGE,
    "W_E": BLUE,
    "W_L": ORANGE,
}
"""Curves that appear in several figures keep their colour."""
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"


def _color_wheel() -> ListedColormap:
    """Hues of one lightness and one strength (OKLCH 0.68, 0.125), so none fades into white or black."""
    hue = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    a, b = 0.125 * np.cos(hue), 0.125 * np.sin(hue)
    to_cones = np.array(
        [[0.3963377774, 0.2158037573], [-0.1055613458, -0.0638541728], [-0.0894841775, -1.2914855480]]
    )
    cones = (0.68 + to_cones @ np.stack([a, b])) ** 3
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(to_linear @ cones, 0, 1)
    rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return ListedColormap(rgb.T.tolist(), name="wheel")


CYCLIC = _color_wheel()
"""For what goes round: residues, angles."""

WIDE, HALF = 9.0, 5.4
"""Width in inches of a figure that fills the page, and of one that shares it."""

INCHES_PER_LETTER = 0.094
"""Mean width of a letter of a headline."""

LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.7,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=CYCLE),
    "axes.formatter.useoffset": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "grid.color": FAINT,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.labelcolor": INK,
    "figure.facecolor": "none",
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "image.interpolation": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a figure function draw in the house's look without touching anyone else's settings.

    Args:
        draw: A function that makes a figure.

    Returns:
        The same function, run inside the look.

    Example:
        >>> styled(lambda: blank()).__wrapped__ is not None
        True
    """

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(LOOK):
            return draw(*args, **kwargs)

    return inside


def blank(width: float = HALF, height: float = 3.4) -> Figure:
    """Make an empty figure that leaves its background to the page.

    Args:
        width: In inches; `WIDE` or `HALF`.
        height: In inches.

    Returns:
        A figure that arranges its own margins and belongs to no window.

    Example:
        >>> blank().get_layout_engine().__class__.__name__
        'ConstrainedLayoutEngine'
    """
    return Figure(figsize=(width, height), layout="constrained")


_PASSES = 3
"""With five panels nothing moves by more than a thousandth of an inch after the third."""


def headline(figure: Figure, text: str) -> None:
    """Write the finding above all panels, at the left edge.

    Args:
        figure: The figure.
        text: The finding in one plain sentence.

    Example:
        >>> figure = blank()
        >>> headline(figure, "Five frequencies carry the weight")
        >>> figure.get_suptitle()
        'Five frequencies carry the weight'
    """
    letters = int(figure.get_size_inches()[0] / INCHES_PER_LETTER)
    figure.suptitle(
        textwrap.fill(text, letters), x=0.01, ha="left", fontsize=10.5, fontweight="bold", color=INK
    )


def square_panels(figure: Figure) -> None:
    """Lay out panels that keep their shape, so that the first drawing has them where the second would.

    matplotlib places such panels by where they stood when it last looked; the first time titles overlap them
    and labels are cut off.

    Args:
        figure: The figure, complete.

    Example:
        >>> figure = blank()
        >>> axes = figure.subplots()
        >>> _ = axes.set(box_aspect=1)
        >>> square_panels(figure)
        >>> bool(axes.get_position().width < 1)
        True
    """
    figure.set_layout_engine("compressed")
    engine = figure.get_layout_engine()
    assert engine is not None, "it was set right now"
    for _ in range(_PASSES):
        engine.execute(figure)


def steps_axis(axes: Axes, label: str = "step") -> None:
    """Name the horizontal axis and write its steps as 10,000 rather than 10000.

    Args:
        axes: The panel.
        label: Name of the axis.

    Example:
        >>> axes = blank().subplots()
        >>> steps_axis(axes)
        >>> axes.get_xlabel(), axes.xaxis.get_major_formatter()(10_000)
        ('step', '10,000')
    """
    axes.set_xlabel(label)
    axes.xaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,.0f}"))
