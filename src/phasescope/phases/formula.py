"""The four ways a task can be learnt: phase change, grokking, memorisation only, smooth; or not at all."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from phasescope.phases.abruptness import Abruptness, abruptness
from phasescope.phases.series import Series

Way = Literal["phase change", "grokking", "memorisation only", "smooth", "not learnt"]

LEARNT = 0.2
"""A loss counts as learnt at this part of its first value above the floor."""
STILL_HIGH = 0.5
"""Memorised, not learnt: test loss is above this part of its first value when train loss is learnt."""
DELAY = 2.0
"""Grokking: test loss is learnt no earlier than this multiple of train loss's step."""
LOOKS = 3
"""Looks in a row that have to be below: one lucky batch is no event."""


@dataclass(frozen=True)
class Course:
    """How one run learnt.

    Args:
        way: Its name.
        train_step: When train loss was learnt; None if it never was.
        test_step: When test loss was.
        fall: The test of abruptness on test loss.
        why: The evidence, in one sentence.
    """

    way: Way
    train_step: int | None
    test_step: int | None
    fall: Abruptness
    why: str


def course_of(train: Series, test: Series, floor: float = 0.0) -> Course:
    """Name the way a run learnt, from its losses alone.

    A loss is learnt at the first of three looks at which it is at most 20 % of its first value, both above
    the floor. Without it for train loss the task is not learnt; without it for test loss it is memorised
    only, up to the end of the run. If test loss is then still above half of its first value and learnt no
    earlier than twice the step of train loss, that is grokking. Else both are learnt together: by a phase
    change if test loss falls abruptly (``abruptness``), and smoothly if not.

    Args:
        train: Train loss, nats.
        test: Test loss, nats.
        floor: Loss of the best predictor, nats.

    Returns:
        The way, the steps and the evidence.

    Example:
        >>> steps = np.arange(0, 1001, 10)
        >>> memorised = Series.of(steps, 3 * np.exp(-steps / 20))
        >>> late = Series.of(steps, 3 / (1 + np.exp((steps - 600) / 20)))
        >>> course_of(memorised, late).way, course_of(late, late).way, course_of(memorised, memorised).way
        ('grokking', 'phase change', 'smooth')
        >>> course_of(memorised, Series.of(steps, 3 + 0 * steps)).way
        'memorisation only'
    """
    fall = abruptness(test)
    train_step, test_step = _learnt(train, floor), _learnt(test, floor)
    if train_step is None:
        return Course("not learnt", None, test_step, fall, f"train loss ends at {train.values[-1]:.3g} nats")
    left = _left(test, floor, test.at(train_step))
    memorised = f"train loss is learnt at {train_step:,}, with {left:.0%} of test loss left"
    if test_step is None:
        why = f"{memorised}; test loss ends at {test.values[-1]:.3g} nats at step {test.last:,}"
        return Course("memorisation only", train_step, None, fall, why)
    both = f"{memorised}; test loss is learnt at {test_step:,}"
    if left > STILL_HIGH and test_step >= DELAY * train_step:
        return Course("grokking", train_step, test_step, fall, both)
    way: Way = "phase change" if fall.abrupt else "smooth"
    return Course(way, train_step, test_step, fall, f"{both}; {fall.why}")


def _left(series: Series, floor: float, value: float) -> float:
    """What is left of a loss above its floor, as a share of its first value."""
    return (value - floor) / max(float(series.values[0]) - floor, 1e-300)


def _learnt(series: Series, floor: float) -> int | None:
    """First look of three in a row that are learnt."""
    low = np.array([_left(series, floor, value) <= LEARNT for value in series.values])
    runs = np.flatnonzero(np.convolve(low, np.ones(LOOKS), mode="valid") == LOOKS)
    return int(series.steps[runs[0]]) if runs.size else None
