"""Where a curve changes its slope: continuous straight pieces fitted to a series.

ruptures searches all placements of the breaks (cost "clinear"); its pieces run through the data points
themselves, so the breaks it finds are then moved to where a least-squares fit of the same shape is best.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from phasescope.errors import PhasescopeError
from phasescope.phases.series import Series

GRID_POINTS = 200
"""Points on the even grid on which breaks are sought: one in half a per cent of the stretch."""
MIN_PIECE = 3
"""Grid points that the shortest piece spans."""
GAP = MIN_PIECE - 1
"""Grid steps from one break to the next, at least."""
CHI_SQUARE_95 = 3.841
"""95 % quantile of chi-square with one degree of freedom."""


@dataclass(frozen=True)
class Break:
    """One change of slope: the step, and an interval of steps that fit about as well."""

    step: int
    low: int
    high: int


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Continuous straight pieces through a series.

    Args:
        breaks: Where the pieces meet, in order.
        slopes: Slope of each piece, value per step; one more than breaks.
        knots: Fitted value at the first step, at each break and at the last step.
    """

    breaks: tuple[Break, ...]
    slopes: Float64[np.ndarray, " piece"]
    knots: Float64[np.ndarray, " knot"]


def segment(series: Series, n_breaks: int) -> Segmentation:
    """Fit a continuous piecewise-linear curve with a given number of breaks.

    A sudden change of a loss is a change of slope of its logarithm, so hand in the logarithm. The series is
    first put on an even grid of at most 200 steps. A break's interval is a profile likelihood: every position
    at which the best fit of the other pieces leaves a sum of squares of at most ``exp(3.84 / n)`` times the
    smallest, widened by one grid step. Here n is the number of points divided by ``(1 + r) / (1 - r)``, with
    r the correlation of neighbouring residuals: where straight pieces do not describe the curve, residuals
    run together, n is small and the interval is honestly wide. With independent noise it covers the true
    break about 95 times in 100.

    Args:
        series: The quantity, finite everywhere.
        n_breaks: Number of breaks, at least 1.

    Returns:
        The breaks with their intervals, and the slopes and knots of the pieces.

    Raises:
        PhasescopeError: If a value is not finite or there are too few looks for so many breaks.

    References:
        ruptures: Truong, Oudre and Vayatis, Selective review of offline change point detection methods.

    Example:
        >>> steps = np.arange(0, 1001, 10)
        >>> bent = Series.of(steps, np.minimum(0.0, 400.0 - steps) / 100)
        >>> [found] = segment(bent, 1).breaks
        >>> found.step, found.low, found.high
        (400, 390, 410)
    """
    if not np.isfinite(series.values).all():
        raise PhasescopeError("segment needs finite values; take the logarithm of positive values only.")
    points = min(GRID_POINTS, len(series.steps))
    if n_breaks < 1 or points < MIN_PIECE * (n_breaks + 1):
        raise PhasescopeError(
            f"segment needs at least 1 break and {MIN_PIECE} looks a piece; "
            f"got {n_breaks} breaks, {points} looks."
        )
    grid = np.linspace(series.first, series.last, points)
    values = np.interp(grid, series.steps, series.values)
    pieces = _Pieces((grid - grid[0]) / (grid[-1] - grid[0]), values)
    best = pieces.settle(_search(values, n_breaks))
    allowed = pieces.cost(best) * np.exp(CHI_SQUARE_95 / pieces.independent_points(best))
    breaks = []
    for which in range(n_breaks):
        profile = pieces.profile(best, which)
        good = np.append(np.flatnonzero(profile <= allowed), best[which])
        low, high = max(good.min() - 1, 0), min(good.max() + 1, points - 1)
        breaks.append(Break(*(round(float(grid[i])) for i in (best[which], low, high))))
    ends = [0, *best, points - 1]
    knots = pieces.fit(best)[ends]
    return Segmentation(tuple(breaks), np.diff(knots) / np.diff(grid[ends]), knots)


def _search(values: Float64[np.ndarray, " point"], n_breaks: int) -> list[int]:
    """Find the best breaks by dynamic programming over pieces that join data points."""
    import ruptures  # brings scipy, half a second that most callers never need

    jump = max(1, len(values) // 50)  # coarse: the breaks are moved to their best places afterwards
    while jump > 1 and n_breaks * -(-MIN_PIECE // jump) * jump + MIN_PIECE > len(values):
        jump -= 1
    spread = float(np.std(values)) or 1.0
    found = ruptures.Dynp(model="clinear", min_size=MIN_PIECE, jump=jump).fit_predict(
        values / spread, n_breaks
    )
    return [int(end) - 1 for end in found[:-1]]


class _Pieces:
    """Least-squares fits of continuous straight pieces to values on an even grid."""

    def __init__(self, x: Float64[np.ndarray, " point"], values: Float64[np.ndarray, " point"]) -> None:
        self.values = values
        self.line = np.stack([np.ones_like(x), x], axis=1)
        self.bends = np.maximum(x[:, None] - x[None, :], 0.0)  # column i: a bend at grid point i

    def _basis(self, breaks: list[int]) -> Float64[np.ndarray, "point column"]:
        return np.linalg.qr(np.concatenate([self.line, self.bends[:, breaks]], axis=1))[0]

    def fit(self, breaks: list[int]) -> Float64[np.ndarray, " point"]:
        """Fitted values with bends at these grid points."""
        basis = self._basis(breaks)
        return np.asarray(basis @ (basis.T @ self.values))

    def cost(self, breaks: list[int]) -> float:
        """Sum of squared residuals."""
        return float(((self.values - self.fit(breaks)) ** 2).sum())

    def scan(self, others: list[int]) -> Float64[np.ndarray, " position"]:
        """Cost with one more bend, for every position of it."""
        basis = self._basis(others)
        residual = self.values - basis @ (basis.T @ self.values)
        bends = self.bends - basis @ (basis.T @ self.bends)
        sizes = np.maximum((bends**2).sum(axis=0), 1e-12)
        return np.asarray(np.maximum((residual**2).sum() - (bends.T @ residual) ** 2 / sizes, 0.0))

    def settle(self, breaks: list[int], fixed: int | None = None) -> list[int]:
        """Move one break after another to its best place between its neighbours until none moves."""
        breaks = list(breaks)
        movable = [which for which in range(len(breaks)) if which != fixed]
        for _ in range(50):
            before = list(breaks)
            for which in movable:
                edges = [0, *breaks, len(self.values) - 1]
                low, high = edges[which] + GAP, edges[which + 2] - GAP
                if low <= high:
                    costs = self.scan(breaks[:which] + breaks[which + 1 :])
                    breaks[which] = low + int(costs[low : high + 1].argmin())
            if breaks == before or len(movable) == 1:
                break
        return breaks

    def profile(self, best: list[int], which: int) -> Float64[np.ndarray, " position"]:
        """Cost for every position of one break, the others moved to suit it; infinite where none fits."""
        last = len(self.values) - 1
        costs = np.full(last + 1, np.inf)
        fits = range(GAP * (which + 1), last - GAP * (len(best) - which) + 1)
        if len(best) == 1:
            costs[fits.start : fits.stop] = self.scan([])[fits.start : fits.stop]
            return costs
        for position in fits:
            start = list(best)
            start[which] = position
            for left in range(which - 1, -1, -1):
                start[left] = min(start[left], start[left + 1] - GAP)
            for right in range(which + 1, len(start)):
                start[right] = max(start[right], start[right - 1] + GAP)
            costs[position] = self.cost(self.settle(start, fixed=which))
        return costs

    def independent_points(self, breaks: list[int]) -> float:
        """How many independent residuals the fit leaves, from the correlation of neighbours."""
        residual = self.values - self.fit(breaks)
        power = float((residual**2).sum())
        correlation = float((residual[1:] * residual[:-1]).sum()) / power if power > 0 else 0.0
        correlation = min(max(correlation, 0.0), 0.99)
        return max(len(residual) * (1 - correlation) / (1 + correlation), 5.0)
