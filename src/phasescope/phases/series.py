"""One number followed through training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.errors import PhasescopeError


@dataclass(frozen=True, eq=False)
class Series:
    """A quantity at the steps where it was looked at.

    Steps increase strictly and need not be evenly spaced: a run looks at every step early on and seldom
    later. Values may be NaN or infinite, because a diverged run has a history too.

    Args:
        steps: Optimiser steps.
        values: The quantity at each step, in its own unit.

    Raises:
        PhasescopeError: If the series is empty, the lengths differ, or the steps do not increase.

    Example:
        >>> loss = Series.of([0, 10, 20], [4.7, 2.0, 0.5])
        >>> loss.last, loss.between(10, 20).values.tolist()
        (20, [2.0, 0.5])
    """

    steps: Int64[np.ndarray, " point"]
    values: Float64[np.ndarray, " value"]

    def __post_init__(self) -> None:
        """Refuse a series that is empty, ragged or out of order."""
        if len(self.steps) == 0 or len(self.steps) != len(self.values):
            raise PhasescopeError(
                f"a series needs one value per step and at least one; got {len(self.steps)} steps "
                f"and {len(self.values)} values."
            )
        if (late := np.flatnonzero(np.diff(self.steps) <= 0)).size:
            before, after = self.steps[late[0] : late[0] + 2].tolist()
            raise PhasescopeError(f"a series needs increasing steps; {before} is followed by {after}.")

    @classmethod
    def of(cls, steps: Sequence[int] | np.ndarray, values: Sequence[int | float] | np.ndarray) -> "Series":
        """Make a series from any two sequences of numbers.

        Args:
            steps: Optimiser steps, increasing.
            values: One value for each step.

        Returns:
            The series, with int64 steps and float64 values.

        Example:
            >>> Series.of((1, 2), (3, 4)).values.dtype
            dtype('float64')
        """
        return cls(np.asarray(steps, dtype=np.int64), np.asarray(values, dtype=np.float64))

    @property
    def first(self) -> int:
        """The first step looked at."""
        return int(self.steps[0])

    @property
    def last(self) -> int:
        """The last step looked at."""
        return int(self.steps[-1])

    def between(self, start: int, end: int) -> "Series":
        """Cut the series to the looks from ``start`` to ``end``, both included.

        Args:
            start: First step kept.
            end: Last step kept.

        Returns:
            The part of the series inside.

        Raises:
            PhasescopeError: If no look falls inside.

        Example:
            >>> Series.of([0, 5, 9], [1.0, 2.0, 3.0]).between(5, 9).steps.tolist()
            [5, 9]
        """
        inside = (self.steps >= start) & (self.steps <= end)
        return Series(self.steps[inside], self.values[inside])

    def at(self, step: int) -> float:
        """Return the value at the last look taken no later than ``step``.

        Args:
            step: An optimiser step, not before the first look.

        Returns:
            The value, in the series' unit.

        Raises:
            PhasescopeError: If ``step`` comes before the first look.

        Example:
            >>> Series.of([0, 100], [4.0, 1.0]).at(99)
            4.0
        """
        index = int(np.searchsorted(self.steps, step, side="right")) - 1
        if index < 0:
            raise PhasescopeError(f"a series that begins at step {self.first} has no value at step {step}.")
        return float(self.values[index])
