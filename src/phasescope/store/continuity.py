"""Checkpoints that do not belong between their neighbours.

Training moves weights smoothly: over one interval they change about as much as over the next. A
checkpoint of another run or another step, put where it does not belong, stands far off on both sides.
"""

import numpy as np
from jaxtyping import Float64, Int64

_TIMES_THE_MEDIAN = 8.0
_NEIGHBOURS_EACH_SIDE = 4
_FEWEST_NEIGHBOURS = 4
# weights leave their initial values in leaps; a change that early says nothing
_FIRST_JUDGED = 10


def jumps(
    steps: Int64[np.ndarray, " checkpoint"], changes: Float64[np.ndarray, " interval"]
) -> tuple[tuple[int, float], ...]:
    """Return the checkpoints whose weights jump.

    A change is a jump if it is more than 8 times the median of the nearest changes (four before,
    four after) over intervals of the same length. The first ten are not judged. A real jump of
    training (a spike of the loss) is returned too: this says where to look, not who is to blame.

    Args:
        steps: Steps of the checkpoints, ascending.
        changes: Change of the weights over each interval, relative to their norm before it; one
            fewer than there are steps.

    Returns:
        For each jump: the step at whose checkpoint it shows, and how many times the median it is.
        A checkpoint that is left again by a second jump is named once.

    Example:
        >>> changes = np.full(29, 0.03)
        >>> changes[[19, 20]] = 1.4  # to the checkpoint of step 2000 and back
        >>> [step for step, times in jumps(np.arange(30) * 100, changes)]
        [2000]
    """
    lengths = np.diff(steps)
    found: list[tuple[int, float]] = []
    previous = -2
    for i in range(_FIRST_JUDGED, len(changes)):
        near = np.r_[max(0, i - _NEIGHBOURS_EACH_SIDE) : i, i + 1 : i + 1 + _NEIGHBOURS_EACH_SIDE]
        near = near[near < len(changes)]
        near = near[lengths[near] == lengths[i]]
        if len(near) < _FEWEST_NEIGHBOURS:
            continue
        median = float(np.median(changes[near]))
        if not 0 < _TIMES_THE_MEDIAN * median < changes[i]:
            continue
        if i != previous + 1:  # else it is the way back from the one just named
            found.append((int(steps[i + 1]), float(changes[i]) / median))
            previous = i
    return tuple(found)
