"""Series: what is refused, cutting, reading off."""

import numpy as np
import pytest

from phasescope.errors import PhasescopeError
from phasescope.phases.series import Series
from phasescope.phases.stretches import Boundary, Phases, Stretch


@pytest.mark.parametrize(
    ("steps", "values", "said"),
    [
        ([], [], "at least one"),
        ([0, 1], [1.0], "2 steps and 1 values"),
        ([0, 5, 5], [1.0, 2.0, 3.0], "5 is followed by 5"),
        ([3, 2], [1.0, 2.0], "3 is followed by 2"),
    ],
)
def test_what_is_no_series_is_refused(steps: list[int], values: list[float], said: str) -> None:
    with pytest.raises(PhasescopeError, match=said):
        Series.of(steps, values)


def test_at_takes_the_look_before() -> None:
    series = Series.of([10, 20], [1.0, 2.0])
    assert [series.at(step) for step in (10, 19, 20, 99)] == [1.0, 1.0, 2.0, 2.0]
    with pytest.raises(PhasescopeError, match="begins at step 10"):
        series.at(9)


def test_between_keeps_both_ends_and_refuses_an_empty_cut() -> None:
    series = Series.of(range(0, 100, 10), np.arange(10.0))
    assert series.between(20, 40).values.tolist() == [2.0, 3.0, 4.0]
    with pytest.raises(PhasescopeError):
        series.between(21, 29)


def test_end_of_a_stretch() -> None:
    end = Boundary(5, 4, 6, "a rule")
    phases = Phases((Stretch("one", 0, 5), Stretch("two", 5, 9)), (end,))
    assert phases.names == ("one", "two")
    assert phases.end_of("one") is end
    assert phases.end_of("two") is None
    assert phases.end_of("three") is None
