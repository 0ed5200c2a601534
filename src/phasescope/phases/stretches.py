"""The two records a segmentation is told in: where training changes, and what lies between."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Boundary:
    """A step at which training changes its way, with its uncertainty and the rule that found it.

    Args:
        step: The best estimate, an optimiser step.
        low: Lower end of the interval.
        high: Upper end of the interval.
        rule: The rule in one sentence, so that a reader can check it on the figure.

    Example:
        >>> str(Boundary(1400, 1250, 1650, "test loss is highest"))
        '1,400 (1,250 to 1,650)'
    """

    step: int
    low: int
    high: int
    rule: str

    def __str__(self) -> str:
        """Write the step and its interval."""
        return f"{self.step:,} ({self.low:,} to {self.high:,})"


@dataclass(frozen=True)
class Stretch:
    """A named part of training, from ``start`` to ``end``.

    Args:
        name: What happens here, in the field's words.
        start: First step.
        end: Last step; the next stretch, if any, starts there.

    Example:
        >>> Stretch("memorisation", 0, 1400).length
        1400
    """

    name: str
    start: int
    end: int

    @property
    def length(self) -> int:
        """Steps from start to end."""
        return self.end - self.start
