"""Changes and their intervals, as the tables of the study write them."""

from phasescope.phases.abruptness import Abruptness
from phasescope.phases.changepoints import Break


def step_in_words(at: Break | None) -> str:
    """Write a step with its interval; "never" if there is none.

    Example:
        >>> step_in_words(Break(1200, 1100, 1250))
        '1,200 (1,100 to 1,250)'
    """
    return "never" if at is None else f"{at.step:,} ({at.low:,} to {at.high:,})"


def fall_in_words(fall: Abruptness) -> str:
    """Write where a fall begins and ends; of one that is not abrupt, why."""
    if not fall.abrupt:
        return f"not abrupt: {fall.why}"
    return f"{step_in_words(fall.begins)} to {step_in_words(fall.ends)}"
