"""Memorisation, circuit formation and cleanup, each found by a rule one can check on the figure.

The words are those of nanda2023: memorisation ends when train loss has collapsed and test loss stops rising;
while the circuit forms both stay flat, excluded loss rises and the weights shrink; in cleanup test loss drops
suddenly and the weights drop sharply, then level off.
"""

import numpy as np
from jaxtyping import Float64

from phasescope.phases.changepoints import GRID_POINTS, MIN_PIECE, segment
from phasescope.phases.series import Series
from phasescope.phases.stretches import Boundary, Phases, Stretch

COLLAPSED = 0.01
"""Train loss counts as collapsed at this part of its first value."""
STILL_HIGH = 0.5
"""Memorised, not learnt: test loss is at least this part of its first value when train loss has collapsed."""
NEAR_TOP = 0.99
"""The highest test loss is uncertain to the looks that reach this part of it."""
DROPPED = 0.01
"""Test loss counts as dropped at this part of its maximum, for three looks in a row."""
LEVEL = 0.05
"""A curve has levelled off when it falls at less than this part of its steepest rate."""
STEEPER = 2.0
"""A fall turns steep where its rate grows by this factor at least."""
RISES = 2.0
"""Excluded loss counts as rising when it at least doubles over the stretch."""
SMALLEST = 1e-300
"""Keeps the logarithm of a loss of exactly zero finite."""


def grokking_phases(
    train_loss: Series,
    test_loss: Series,
    *,
    sum_squared_weights: Series | None = None,
    excluded_loss: Series | None = None,
) -> Phases:
    """Cut a run into memorisation, circuit formation, cleanup and what comes after.

    - Memorisation ends where test loss is highest. It exists only if train loss collapses (to 1 % of its
      start) while test loss is still at least half of its start. Uncertain to the looks next to those within
      1 % of the top.
    - Cleanup begins where the logarithm of test loss turns from a slow fall to a steep one: the first break
      of three continuous straight pieces (slow, steep, level), or of two where the steep fall goes on. It
      exists only if test loss drops to 1 % of its maximum. Uncertain as `segment` says.
    - Cleanup ends where the sum of squared weights (without it, the logarithm of test loss) falls at less
      than 5 % of its steepest rate. Uncertain to the steps at which it falls at 10 % and at 2.5 %.
    - The stretch between is circuit formation; a fall that is steep from the top on leaves none. With
      excluded loss given, it is so called only if that at least doubles, and else a plateau; and a run that
      has not dropped yet can then be seen to form one.

    A run that never groks has memorisation only, one that learns both sets at once or neither has no phases,
    and a run cut short keeps its last stretch open: there is no boundary that it was not seen to cross.
    Looks after a value that is not finite are left out.

    Args:
        train_loss: Train loss, nats.
        test_loss: Test loss, nats.
        sum_squared_weights: Sum of squares of all parameters, the published sign of cleanup's end.
        excluded_loss: Train loss without the key frequencies, nats.

    Returns:
        The stretches in order, and a boundary with its interval and its rule for each that ends.

    References:
        nanda2023: Progress measures for grokking via mechanistic interpretability, section 5.2.

    Example:
        >>> steps = np.arange(0, 16_001, 100)
        >>> train = Series.of(steps, np.maximum(5 * np.exp(-steps / 80), 1e-7))
        >>> fall = np.interp(steps, [0, 1_400, 9_400, 12_000, 16_000], np.log([5, 25, 10, 3e-7, 2e-7]))
        >>> found = grokking_phases(train, Series.of(steps, np.exp(fall)))
        >>> found.names
        ('memorisation', 'circuit formation', 'cleanup', 'stable')
        >>> [boundary.step for boundary in found.boundaries]
        [1400, 9400, 12200]
    """
    train, test = _finite_part(train_loss), _finite_part(test_loss)
    if train is None or test is None or not _memorises(train, test):
        return Phases((), ())
    top = _top(test)
    if top.high >= test.last:
        return Phases((Stretch("memorisation", test.first, test.last),), ())
    stretches, boundaries = [Stretch("memorisation", test.first, top.step)], [top]
    after = test.between(top.step, test.last)
    if not _drops(after):
        if excluded_loss is not None and _doubles(excluded_loss, top.step, test.last):
            stretches.append(Stretch("circuit formation", top.step, test.last))
        return Phases(tuple(stretches), tuple(boundaries))
    falling = Series(after.steps, np.log(np.maximum(after.values, SMALLEST)))
    turn = _turn(falling)
    begins = top.step if turn is None else turn.step
    if turn is not None:
        forms = excluded_loss is None or _doubles(excluded_loss, top.step, begins)
        stretches.append(Stretch("circuit formation" if forms else "plateau", top.step, begins))
        boundaries.append(turn)
    weights = _part(sum_squared_weights, begins, test.last)
    if weights is None:
        level = _levels_off(falling.between(begins, test.last), "the logarithm of test loss")
    else:
        level = _levels_off(weights, "the sum of squared weights")
    stretches.append(Stretch("cleanup", begins, test.last if level is None else level.step))
    if level is not None:
        stretches.append(Stretch("stable", level.step, test.last))
        boundaries.append(level)
    return Phases(tuple(stretches), tuple(boundaries))


def _finite_part(series: Series) -> Series | None:
    """Cut a series before its first value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(series.values))
    end = int(bad[0]) if bad.size else len(series.values)
    return Series(series.steps[:end], series.values[:end]) if end else None


def _part(series: Series | None, start: int, end: int) -> Series | None:
    """Cut the finite part of a series to a stretch; None where it has no look there."""
    finite = None if series is None else _finite_part(series)
    if finite is None or not ((finite.steps >= start) & (finite.steps <= end)).any():
        return None
    return finite.between(start, end)


def _memorises(train: Series, test: Series) -> bool:
    """Say whether train loss collapses while test loss is still high."""
    collapsed = np.flatnonzero(train.values <= COLLAPSED * train.values[0])
    if not collapsed.size or train.steps[collapsed[0]] < test.first:
        return False
    return test.at(int(train.steps[collapsed[0]])) >= STILL_HIGH * float(test.values[0])


def _top(test: Series) -> Boundary:
    """Find the highest test loss; a spike of a single look does not count."""
    smooth = _median_of_three(test.values)
    level_best = np.flatnonzero(smooth == smooth.max())
    best = int(level_best[test.values[level_best].argmax()])
    lower = smooth < NEAR_TOP * smooth[best]
    before, after = np.flatnonzero(lower[:best]), np.flatnonzero(lower[best:])
    low = int(before[-1]) if before.size else 0
    high = best + int(after[0]) if after.size else len(smooth) - 1
    rule = "train loss has collapsed and test loss is at its highest"
    step, earliest, latest = (int(test.steps[i]) for i in (best, low, high))
    return Boundary(step, earliest, latest, rule)


def _drops(after: Series) -> bool:
    """Say whether test loss falls far below its maximum and has been looked at often enough to cut."""
    low = after.values <= DROPPED * after.values[0]
    return len(low) >= 2 * MIN_PIECE and bool((low[:-2] & low[1:-1] & low[2:]).any())


def _turn(falling: Series) -> Boundary | None:
    """Find where a slow fall becomes a steep one; None where the fall is steep from the start."""
    pieces = segment(falling, 2 if len(falling.steps) >= 3 * MIN_PIECE else 1)
    if 2 * pieces.slopes[-1] < pieces.slopes[-2]:  # the last piece falls on: there is no third yet
        pieces = segment(falling, 1)
    found, rate = pieces.breaks[0], -pieces.slopes
    if rate[1] < STEEPER * rate[0]:
        return None
    rule = "the logarithm of test loss turns from a slow fall to a steep one"
    return Boundary(found.step, found.low, found.high, rule)


def _levels_off(series: Series, what: str) -> Boundary | None:
    """Find where a falling curve, on an even grid, no longer falls at a notable part of its steepest rate."""
    points = min(GRID_POINTS, len(series.steps))
    if points < 2 * MIN_PIECE:
        return None
    grid = np.linspace(series.first, series.last, points)
    values = np.interp(grid, series.steps, series.values)
    with np.errstate(over="ignore", invalid="ignore"):  # a diverging run may overflow here; it is never level
        rate = (values[:-4] - values[4:]) / (grid[4:] - grid[:-4])  # of the fall, over four grid steps
    steepest = int(rate.argmax())

    def first_below(share: float) -> int | None:
        slow = rate[steepest:] < share * rate[steepest]
        lasting = np.flatnonzero(slow[:-2] & slow[1:-1] & slow[2:])
        return round(float(grid[steepest + int(lasting[0]) + 2])) if lasting.size else None

    step = first_below(LEVEL) if rate[steepest] > 0 else None
    if step is None:
        return None
    low, high = first_below(2 * LEVEL), first_below(LEVEL / 2)
    rule = f"{what} falls at less than {LEVEL:.0%} of its steepest rate"
    return Boundary(step, step if low is None else low, series.last if high is None else high, rule)


def _doubles(excluded: Series, start: int, end: int) -> bool:
    """Say whether excluded loss at least doubles over a stretch; it may not have been measured there."""
    if start < excluded.first:
        return False
    return excluded.at(end) >= RISES * excluded.at(start)


def _median_of_three(values: Float64[np.ndarray, " point"]) -> Float64[np.ndarray, " point"]:
    """Take the median of each value and its neighbours; the ends stay."""
    if len(values) < 3:
        return values
    inner = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], inner, values[-1:]])
