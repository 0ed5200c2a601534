"""What a segmentation is told in: where training changes, and what lies between."""

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


@dataclass(frozen=True)
class Phases:
    """A run cut into stretches.

    Args:
        stretches: In order, each starting where the one before ends; empty if the run has no phases.
        boundaries: The end of each stretch that was seen to end. A last stretch that the run itself cut
            short has none, so there are as many boundaries as stretches or one fewer.

    Example:
        >>> phases = Phases((Stretch("memorisation", 0, 900),), ())
        >>> phases.names, phases.end_of("memorisation")
        (('memorisation',), None)
    """

    stretches: tuple[Stretch, ...]
    boundaries: tuple[Boundary, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stretches, in order."""
        return tuple(stretch.name for stretch in self.stretches)

    def end_of(self, name: str) -> Boundary | None:
        """Return the boundary at which a stretch ends.

        Args:
            name: Name of a stretch.

        Returns:
            The boundary, or None if there is no such stretch or it was not seen to end.

        Example:
            >>> end = Boundary(900, 800, 1000, "test loss is highest")
            >>> Phases((Stretch("memorisation", 0, 900),), (end,)).end_of("memorisation").step
            900
        """
        for stretch, boundary in zip(self.stretches, self.boundaries, strict=False):
            if stretch.name == name:
                return boundary
        return None
