"""A network over the course of its training: all that measures ever see of a run."""

from typing import Protocol, runtime_checkable

from phasescope.models.model import Model


@runtime_checkable
class CheckpointSeries(Protocol):
    """The same network at a number of training steps.

    A run of ours and a series that others published both are one.

    Example:
        >>> class OneStep:
        ...     def steps(self) -> tuple[int, ...]:
        ...         return (0,)
        ...     def model(self, step: int) -> Model: ...
        >>> series: CheckpointSeries = OneStep()
        >>> series.steps()
        (0,)
    """

    def steps(self) -> tuple[int, ...]:
        """Return the steps that have a checkpoint, in rising order."""
        ...

    def model(self, step: int) -> Model:
        """Return the network as it was after ``step`` optimiser steps.

        Args:
            step: One of ``steps()``.

        Raises:
            PhasescopeError: If there is no checkpoint of that step.
        """
        ...
