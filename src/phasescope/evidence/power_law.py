"""A power law between a setting and a time that some runs never reached."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from phasescope.errors import PhasescopeError
from phasescope.evidence.interval import student_quantile
from phasescope.evidence.survival import Censored

_ROUNDS = 400
"""Of expectation and maximisation; a few dozen suffice unless most runs are censored."""
_STILL = 1e-8
"""Change of every parameter below which it has converged."""


@dataclass(frozen=True)
class PowerLaw:
    """time = factor * setting ** exponent, with the exponent's 95 % interval.

    Args:
        factor: Time at a setting of 1.
        exponent: The power.
        low: Lower end of the exponent's interval.
        high: Upper end.
        spread: Standard deviation of log time about the law.
        n: Number of runs.
        n_censored: How many of them ended before the event.
    """

    factor: float
    exponent: float
    low: float
    high: float
    spread: float
    n: int
    n_censored: int

    def at(self, setting: float) -> float:
        """Return the time the law gives at a setting."""
        return float(self.factor * setting**self.exponent)

    def __str__(self) -> str:
        """Say the exponent with its interval."""
        runs = f"n = {self.n}, {self.n_censored} censored"
        return f"exponent {self.exponent:.3f} ({self.low:.3f} to {self.high:.3f}), {runs}"


def fit_power_law(settings: Sequence[float], times: Sequence[int | Censored]) -> PowerLaw:
    """Fit a power law by maximum likelihood, where a censored run says only that its time is later.

    Log time is normal about the law with one spread. The exponent's interval is that of the profile
    likelihood, with the spread's estimate at each exponent, widened for few runs as Student's t is.

    Args:
        settings: A positive number for each run, such as its weight decay.
        times: Its time, or `Censored` with its last step.

    Returns:
        The law.

    Raises:
        PhasescopeError: If fewer than three runs have a time, or all settings are the same.

    References:
        tobin1958: Estimation of relationships for limited dependent variables.

    Example:
        >>> law = fit_power_law([0.1, 0.3, 1.0, 3.0], [10_100, 3_300, 1_010, 330])
        >>> round(law.exponent, 1), law.low < -1 < law.high
        (-1.0, True)
    """
    x = np.log(np.asarray(settings, dtype=np.float64))
    known = np.array([not isinstance(time, Censored) for time in times])
    y = np.log([float(time.step if isinstance(time, Censored) else time) for time in times])
    if len(x) != len(y) or known.sum() < 3 or not np.isfinite(x).all() or np.ptp(x) == 0:
        raise PhasescopeError(
            "a power law needs at least 3 runs with a time, at positive settings that differ; "
            f"got {int(known.sum())} of {len(known)}"
        )
    intercept, slope, spread = _fit(x, y, known, None)
    best = _log_likelihood(x, y, known, intercept, slope, spread)
    allowed = _allowed_fall(len(x))

    def inside(exponent: float) -> bool:
        return best - _log_likelihood(x, y, known, *_fit(x, y, known, exponent)) <= allowed

    low, high = (_edge(inside, slope, sign) for sign in (-1, 1))
    return PowerLaw(math.exp(intercept), slope, low, high, spread, len(x), int((~known).sum()))


def _fit(
    x: Float64[np.ndarray, " run"],
    y: Float64[np.ndarray, " run"],
    known: Bool[np.ndarray, " run"],
    exponent: float | None,
) -> tuple[float, float, float]:
    """Maximise the likelihood by expectation and maximisation; with the exponent held if one is given."""
    intercept, slope, spread = float(y.mean()), exponent or 0.0, float(y.std()) + 1e-3
    centred = x - x.mean()
    for _ in range(_ROUNDS if not known.all() else 1):
        expected, variance = _given_later(y, known, intercept + slope * x, spread)
        before = slope, intercept, spread
        slope = exponent if exponent is not None else float((centred @ expected) / (centred @ centred))
        intercept = float(expected.mean() - slope * x.mean())
        square = (expected - intercept - slope * x) ** 2 + variance
        spread = max(math.sqrt(square.mean()), 1e-6)
        if max(abs(a - b) for a, b in zip(before, (slope, intercept, spread), strict=True)) < _STILL:
            break
    return intercept, slope, spread


def _given_later(
    y: Float64[np.ndarray, " run"],
    known: Bool[np.ndarray, " run"],
    mean: Float64[np.ndarray, " run"],
    spread: float,
) -> tuple[Float64[np.ndarray, " run"], Float64[np.ndarray, " run"]]:
    """Mean and variance of each log time, given that censored ones are later than their last step."""
    expected, variance = y.copy(), np.zeros_like(y)
    for i in np.flatnonzero(~known):
        z = float((y[i] - mean[i]) / spread)
        hazard = _hazard(z)
        expected[i] = mean[i] + spread * hazard
        variance[i] = spread**2 * max(1 + z * hazard - hazard**2, 0.0)
    return expected, variance


def _hazard(z: float) -> float:
    """Density over survival of a normal variable; far out it is z + 1/z."""
    if z > 25:
        return z + 1 / z
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / (0.5 * math.erfc(z / math.sqrt(2)))


def _log_likelihood(
    x: Float64[np.ndarray, " run"],
    y: Float64[np.ndarray, " run"],
    known: Bool[np.ndarray, " run"],
    intercept: float,
    slope: float,
    spread: float,
) -> float:
    """Log-likelihood, up to a constant."""
    z = (y - intercept - slope * x) / spread
    later = [math.log(max(0.5 * math.erfc(value / math.sqrt(2)), 1e-300)) for value in z[~known]]
    return float(-0.5 * (z[known] ** 2).sum() - known.sum() * math.log(spread) + sum(later))


def _allowed_fall(n: int) -> float:
    """How far the log-likelihood may fall: so far that without censoring the interval is Student's."""
    freedom = n - 2
    return 0.5 * n * math.log1p(student_quantile(freedom) ** 2 / freedom)


def _edge(inside: Callable[[float], bool], best: float, sign: int) -> float:
    """Go outwards until the likelihood has fallen, then bisect."""
    step = 1e-3
    while inside(best + sign * step) and step < 1e3:
        step *= 2
    low, high = step / 2, step
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(best + sign * middle) else (low, middle)
    return best + sign * low
