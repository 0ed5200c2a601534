"""Is there a phase change at all: a plateau, then a fall that takes no longer than the wait for it."""

from dataclasses import dataclass

import numpy as np

from phasescope.errors import PhasescopeError
from phasescope.phases.changepoints import MIN_PIECE, Break, Segmentation, segment
from phasescope.phases.series import Series
from phasescope.phases.stretches import Boundary, Phases, Stretch

SHARE = 0.3
"""Part of the whole range that the fall has to cover."""
STEEPER = 5.0
"""How many times steeper the fall has to be than the piece before it."""
ABOVE_NOISE = 5.0
"""How many standard deviations of the noise the fall has to be."""
POINTS = 60
"""Even points that the pieces are fitted to: a break is known to one in sixty of the run at best."""
BREAKS = (2, 4)
"""Breaks that are tried: plateau, fall, level; or with an early fall before them, and a slow tail."""
DONE = 0.9
"""A series is done when this part of its range lies behind it for good."""
TAIL = 2.0
"""What comes after this multiple of the step at which it is done is left out."""
_LEAST = MIN_PIECE * (max(BREAKS) + 1)


@dataclass(frozen=True)
class Abruptness:
    """Whether a series falls suddenly, and where.

    Args:
        abrupt: The verdict.
        begins: Where the fall begins, with its interval.
        ends: Where it ends, with its interval.
        drop: How far it falls, in the series' unit.
        ratio: How many times steeper it is than the piece before; infinite after a plateau.
        why: The verdict's reason, in one sentence.
    """

    abrupt: bool
    begins: Break
    ends: Break
    drop: float
    ratio: float
    why: str


def abruptness(series: Series) -> Abruptness:
    """Say whether a falling series has a phase change, by straight pieces that one can check on the figure.

    The level tail is left out: what comes after twice the step at which 90 % of the range is done for good.
    Continuous straight pieces are fitted to the rest, three and then five of them, and the one that falls
    furthest after some other piece is looked at. The fall is abrupt if it covers at least 30 % of the whole
    range, is at least five times steeper than the piece before it, takes no longer than the time from the
    first look to its beginning, and stands five standard deviations above the noise from look to look. So a
    loss that falls from the start on (exponentials, power laws) is smooth however fast it falls, and a
    straight line is too.

    The rule depends on where the series begins, as a wait must, and not on the units of either axis. It is
    one of scale: a sigmoid is abrupt once it is about as narrow as it is late.

    Args:
        series: A quantity that falls when something is learnt, such as a loss (not its logarithm); finite,
            with 15 looks or more. Of one that rises hand in the negative.

    Returns:
        The verdict with where the fall begins and ends, each with the interval of ``segment``.

    Raises:
        PhasescopeError: If a value is not finite or there are too few looks.

    Example:
        >>> steps = np.arange(0, 1001, 10)
        >>> sigmoid = Series.of(steps, 1 / (1 + np.exp((steps - 500) / 20)))
        >>> smooth = Series.of(steps, np.exp(-steps / 20))
        >>> abruptness(sigmoid).abrupt, abruptness(smooth).abrupt
        (True, False)
        >>> 430 <= abruptness(sigmoid).begins.step <= 480
        True
    """
    if len(series.steps) < _LEAST:
        raise PhasescopeError(f"a test of abruptness needs {_LEAST} looks; got {len(series.steps)}")
    series = _until_done(series)
    even = np.linspace(series.first, series.last, min(POINTS, len(series.steps))).round().astype(np.int64)
    thinned = Series(even, np.interp(even, series.steps, series.values))
    verdicts = []
    for n_breaks in BREAKS:
        verdicts.append(_judge(series, segment(thinned, n_breaks)))
        if verdicts[-1].abrupt:
            return verdicts[-1]
    return verdicts[0]


def abrupt_phases(series: Series) -> Phases:
    """Cut a run at its one sudden fall: the plateau it waits on, the fall, and what comes after.

    Args:
        series: As for ``abruptness``.

    Returns:
        Three stretches, two where the fall goes on to the end; none where nothing falls suddenly or there are
        too few looks to say.

    Example:
        >>> steps = np.arange(0, 1001, 10)
        >>> abrupt_phases(Series.of(steps, 1 / (1 + np.exp((steps - 500) / 20)))).names
        ('plateau', 'sudden fall', 'after the fall')
        >>> abrupt_phases(Series.of(steps, np.exp(-steps / 20))).names
        ()
    """
    if len(series.steps) < _LEAST or not np.isfinite(series.values).all():
        return Phases((), ())
    found = abruptness(series)
    if not found.abrupt:
        return Phases((), ())
    begins, ends = found.begins, found.ends
    stretches = [
        Stretch("plateau", series.first, begins.step),
        Stretch("sudden fall", begins.step, ends.step),
        Stretch("after the fall", ends.step, series.last),
    ]
    boundaries = (
        Boundary(begins.step, begins.low, begins.high, f"the fall begins: {found.why}"),
        Boundary(ends.step, ends.low, ends.high, "the fall ends, by straight pieces"),
    )
    whole = stretches if ends.step < series.last else stretches[:2]
    return Phases(tuple(whole), boundaries[: len(whole) - 1])


def halfway(series: Series) -> Break | None:
    """Return when a falling series is halfway from its first value to its least, abrupt or not.

    Args:
        series: A quantity that falls, finite.

    Returns:
        The first look of three in a row at or below half, between the last look before any was and the first
        after which none is above; None if it never gets there for three.

    Example:
        >>> halfway(Series.of(range(0, 80, 10), [9, 8, 3, 7, 3, 2, 1, 1]))
        Break(step=40, low=10, high=40)
    """
    low = series.values <= (series.values[0] + series.values.min()) / 2
    lasting = np.flatnonzero(low[:-2] & low[1:-1] & low[2:])
    if not lasting.size or low.all():
        return None
    before, above = max(int(low.argmax()) - 1, 0), int(np.flatnonzero(~low)[-1])
    at = int(lasting[0])
    return Break(*(int(series.steps[i]) for i in (at, before, max(at, min(above + 1, len(low) - 1)))))


def _until_done(series: Series) -> Series:
    """Leave out the level tail of a run that went on for long: pieces spent on it would blur the fall."""
    low = float(series.values.min())
    left = (series.values - low) > (1 - DONE) * float(np.ptp(series.values))
    last_high = int(np.flatnonzero(left)[-1]) if left.any() else len(left) - 1
    enough = max(int(np.searchsorted(series.steps, TAIL * series.steps[last_high], side="right")), _LEAST)
    return Series(series.steps[:enough], series.values[:enough])


def _judge(series: Series, pieces: Segmentation) -> Abruptness:
    """Hold the furthest fall between two breaks against the four conditions."""
    drops = pieces.knots[:-1] - pieces.knots[1:]
    which = 1 + int(drops[1:-1].argmax())
    begins, ends, drop = pieces.breaks[which - 1], pieces.breaks[which], float(drops[which])
    rate, before = -pieces.slopes[which], max(-pieces.slopes[which - 1], 0.0)
    ratio = float(rate / before) if before > 0 else np.inf
    whole = float(np.ptp(pieces.knots))
    noise = 1.48 / np.sqrt(2) * float(np.median(np.abs(np.diff(series.values))))
    waited, took = begins.step - series.first, ends.step - begins.step
    faults = [
        (drop <= 0, "nothing falls after the first piece"),
        (drop < SHARE * whole, f"the fall covers {drop / whole if whole else 0:.0%} of the range"),
        (ratio < STEEPER, f"the fall is {ratio:.1f} times as steep as what comes before"),
        (took > waited, f"the fall takes {took:,} steps after a wait of {waited:,}"),
        (drop < ABOVE_NOISE * noise, "the fall is no larger than the noise"),
    ]
    fault = next((reason for holds, reason in faults if holds), None)
    steeper = f"{ratio:.0f} times as steep as before" if np.isfinite(ratio) else "after a plateau"
    why = fault or f"a fall of {drop:.3g} within {took:,} steps, {steeper}, after a wait of {waited:,}"
    return Abruptness(fault is None, begins, ends, drop, ratio, why)
