"""Times that some runs never reached: survival curves instead of means over the lucky ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.errors import PhasescopeError

NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class Censored:
    """A run that ended without the event: all that is known is that its time is later.

    Example:
        >>> str(Censored(40_000))
        'not by 40,000'
    """

    step: int
    """The last step of the run."""

    def __str__(self) -> str:
        """Say it in words."""
        return f"not by {self.step:,}"


@dataclass(frozen=True, eq=False)
class Survival:
    """The fraction of runs still without the event, as a staircase that starts at 1.

    Args:
        steps: Steps at which at least one run had the event.
        fraction: Fraction without the event from that step on.
        low: Lower end of its 95 % interval.
        high: Upper end.
        censored_at: Last step of each run that never had the event.
        n: Number of runs.
        median: Step by which half of the runs have had the event; None if it was not reached.
        median_low: Lower end of the median's 95 % interval; None if not reached.
        median_high: Upper end; None if not reached.
    """

    steps: Int64[np.ndarray, " event"]
    fraction: Float64[np.ndarray, " event"]
    low: Float64[np.ndarray, " event"]
    high: Float64[np.ndarray, " event"]
    censored_at: Int64[np.ndarray, " run"]
    n: int
    median: int | None
    median_low: int | None
    median_high: int | None

    def __str__(self) -> str:
        """Say the median, its interval and how many runs were censored."""
        low, median, high = (
            "not reached" if step is None else f"{step:,}"
            for step in (self.median_low, self.median, self.median_high)
        )
        return f"median {median} ({low} to {high}), n = {self.n}, {len(self.censored_at)} censored"


def kaplan_meier(times: Sequence[int | Censored]) -> Survival:
    """Estimate how many runs are still without an event at each step.

    Kaplan and Meier's estimate; a run censored at a step still counts as at risk there. The interval is
    Greenwood's on the scale log(-log S), which keeps it inside [0, 1]; the median's interval holds the steps
    at which that band includes one half (Brookmeyer and Crowley).

    Args:
        times: For each run the step of the event, or `Censored` with its last step.

    Returns:
        The curve with its interval, the median and the counts.

    Raises:
        PhasescopeError: If there is no run.

    References:
        kaplan1958: Nonparametric estimation from incomplete observations.
        brookmeyer1982: A confidence interval for the median survival time.

    Example:
        >>> curve = kaplan_meier([6_000, 9_000, 12_000, Censored(16_000)])
        >>> curve.fraction.tolist(), curve.median
        ([0.75, 0.5, 0.25], 9000)
        >>> str(curve)
        'median 9,000 (6,000 to not reached), n = 4, 1 censored'
    """
    if not times:
        raise PhasescopeError("a survival curve needs at least one run; got none.")
    events = np.array(sorted(time for time in times if not isinstance(time, Censored)), dtype=np.int64)
    ends = np.array(sorted(time.step for time in times if isinstance(time, Censored)), dtype=np.int64)
    steps, deaths = np.unique(events, return_counts=True)
    at_risk = np.array([(events >= step).sum() + (ends >= step).sum() for step in steps], dtype=np.float64)
    fraction = np.cumprod(1 - deaths / at_risk)
    low, high = _greenwood(fraction, deaths, at_risk)
    return Survival(
        steps=steps,
        fraction=fraction,
        low=low,
        high=high,
        censored_at=ends,
        n=len(times),
        median=_first_at_half(steps, fraction),
        median_low=_first_at_half(steps, low),
        median_high=_first_at_half(steps, high),
    )


def _greenwood(
    fraction: Float64[np.ndarray, " event"],
    deaths: Int64[np.ndarray, " event"],
    at_risk: Float64[np.ndarray, " event"],
) -> tuple[Float64[np.ndarray, " event"], Float64[np.ndarray, " event"]]:
    """Give the 95 % band of a survival curve; where the last run has had the event it is unknown above 0."""
    low, high = np.zeros_like(fraction), np.ones_like(fraction)
    known = fraction > 0
    terms = np.divide(deaths, at_risk * (at_risk - deaths), where=known, out=np.zeros_like(fraction))
    log_fraction = np.log(fraction[known])
    spread = NORMAL_975 * np.sqrt(np.cumsum(terms)[known]) / -log_fraction
    low[known] = np.exp(log_fraction * np.exp(spread))
    high[known] = np.exp(log_fraction * np.exp(-spread))
    high[~known] = high[known][-1] if known.any() else 1.0
    return low, high


def _first_at_half(steps: Int64[np.ndarray, " event"], curve: Float64[np.ndarray, " event"]) -> int | None:
    """Return the first step at which a falling curve is at or below one half."""
    below = np.flatnonzero(curve <= 0.5 + 1e-12)
    return int(steps[below[0]]) if below.size else None
