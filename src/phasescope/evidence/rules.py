"""Rules a measured value is held against, written down before the runs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from phasescope.config import Config

FrequencySet = tuple[int, ...]
Value = float | FrequencySet
"""What a claim is about: a number, or a set of integers such as key frequencies."""


class Within(Config):
    """The value lies within a fraction of the published one."""

    kind: Literal["within"] = "within"
    relative: float = Field(gt=0, lt=1)
    """Largest distance allowed, as a fraction of the published value."""

    def region(self, published: float) -> tuple[float, float]:
        """Return the lowest and highest value that satisfy the rule."""
        slack = self.relative * abs(published)
        return published - slack, published + slack

    def __str__(self) -> str:
        """Say the rule in a few words."""
        return f"within {100 * self.relative:g} %"


class Below(Config):
    """The value lies at or below a bound."""

    kind: Literal["below"] = "below"
    bound: float
    """Largest value allowed."""

    def region(self, published: float) -> tuple[float, float]:
        """Return the lowest and highest value that satisfy the rule."""
        return -float("inf"), self.bound

    def __str__(self) -> str:
        """Say the rule in a few words."""
        return f"at most {self.bound:,g}"


class Above(Config):
    """The value lies at or above a bound."""

    kind: Literal["above"] = "above"
    bound: float
    """Smallest value allowed."""

    def region(self, published: float) -> tuple[float, float]:
        """Return the lowest and highest value that satisfy the rule."""
        return self.bound, float("inf")

    def __str__(self) -> str:
        """Say the rule in a few words."""
        return f"at least {self.bound:,g}"


class Between(Config):
    """The value lies between two bounds, both included."""

    kind: Literal["between"] = "between"
    low: float
    """Smallest value allowed."""
    high: float
    """Largest value allowed."""

    @model_validator(mode="after")
    def _low_comes_first(self) -> "Between":
        if self.low > self.high:
            raise ValueError(f"between needs low <= high; got {self.low:g} and {self.high:g}")
        return self

    def region(self, published: float) -> tuple[float, float]:
        """Return the lowest and highest value that satisfy the rule."""
        return self.low, self.high

    def __str__(self) -> str:
        """Say the rule in a few words."""
        return f"{self.low:,g} to {self.high:,g}"


class SameSet(Config):
    """The set of integers is exactly the published one, in any order."""

    kind: Literal["same_set"] = "same_set"

    def __str__(self) -> str:
        """Say the rule in a few words."""
        return "the same set"


NumberRule = Within | Below | Above | Between
Rule = Annotated[NumberRule | SameSet, Field(discriminator="kind")]
