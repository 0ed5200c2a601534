"""One look for every figure: a palette all eyes can tell apart, thin spines, readable on white and on black."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

P = ParamSpec("P")

INK = "#1a1d23"
"""Everything that is text, spine or tick; inline SVG has it replaced by the colour of the page's text."""
FAINT = "#8b929c"
"""What stands back: grid lines, chance levels, quantities that are not the point. Readable on white and black."""

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
TRAIN, TEST = BLUE, VERMILION
SEQUENTIAL, DIVERGING, CYCLIC = "viridis", "RdBu_r", "twilight_shifted"

WIDE, HALF = 9.0, 5.4
"""Width in inches of a figure that fills the page, and of one that shares it."""

LOOK = {
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
    "axes.prop_cycle": mpl.cycler(color=CYCLE),
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


def headline(figure: Figure, text: str) -> None:
    """Write the finding above all panels, at the left.

    Args:
        figure: A figure with several panels.
        text: The finding in one plain sentence.

    Example:
        >>> figure = blank()
        >>> headline(figure, "Five frequencies carry the weight")
        >>> figure.get_suptitle()
        'Five frequencies carry the weight'
    """
    figure.suptitle(text, x=0.01, ha="left", fontsize=10.5, fontweight="bold", color=INK)


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
