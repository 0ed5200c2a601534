"""Where along an axis something begins to happen, with an interval, from runs in which it did or did not."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from phasescope.errors import PhasescopeError
from phasescope.evidence.interval import Interval

_HALF_OF_CHI_SQUARED_95 = 1.9207294103470
"""Fall of the log-likelihood at the ends of a 95 % interval for one parameter."""
_POINTS = 401


def critical_value(at: Sequence[float], happened: Sequence[bool]) -> Interval:
    """Return where an event becomes as likely as not, with its 95 % interval.

    The chance is a logistic function of the position, rising; its width is free. The interval holds every
    position whose likelihood, at the best width, is within 1.92 of the best (profile likelihood). Where runs
    without the event end before those with it begin, every position in the gap is as good as any other: the
    interval holds the gap and the centre is its middle. Nothing is said beyond the positions tried: an end
    at the first or last of them may lie further out.

    Args:
        at: Position of each run, such as its fraction of data.
        happened: Whether it happened in that run.

    Returns:
        The critical position, and the number of runs.

    Raises:
        PhasescopeError: If it happened in every run or in none, or the runs share one position.

    Example:
        >>> found = critical_value([0.2, 0.25, 0.3, 0.35, 0.4, 0.45], [False, False, False, True, True, True])
        >>> round(found.centre, 3), 0.2 < found.low <= 0.3, 0.35 <= found.high < 0.45
        (0.325, True, True)
    """
    x, y = np.asarray(at, dtype=np.float64), np.asarray(happened, dtype=bool)
    if len(x) != len(y) or not len(x) or y.all() or not y.any() or np.ptp(x) == 0:
        raise PhasescopeError(
            "a critical value needs runs at several positions, some with the event and some without; "
            f"got {int(y.sum())} with it of {len(y)} at {len(set(x.tolist()))} positions"
        )
    reach = np.ptp(x)
    centres = np.linspace(x.min(), x.max(), _POINTS)
    widths = reach * np.geomspace(1e-3, 10, 61)
    positions, index = np.unique(x, return_inverse=True)
    yes, no = (np.bincount(index, weights=side.astype(np.float64)) for side in (y, ~y))
    profile = np.max([_log_likelihood(positions, yes, no, centres, width) for width in widths], axis=0)
    best = profile.max()
    top = centres[profile >= best - 1e-6]
    inside = centres[profile >= best - _HALF_OF_CHI_SQUARED_95]
    return Interval(float(top.mean()), float(inside[0]), float(inside[-1]), len(x))


def _log_likelihood(
    x: Float64[np.ndarray, " position"],
    yes: Float64[np.ndarray, " position"],
    no: Float64[np.ndarray, " position"],
    centres: Float64[np.ndarray, " centre"],
    width: float,
) -> Float64[np.ndarray, " centre"]:
    """Log-likelihood of logistic curves of one width about each centre."""
    margin = (x[None] - centres[:, None]) / width
    return np.asarray(-(yes * np.logaddexp(0, -margin) + no * np.logaddexp(0, margin)).sum(axis=1))
