"""A published claim, and the evidence held against it."""

from typing import Literal

from pydantic import Field, model_validator

from phasescope.config import Config
from phasescope.evidence.interval import Scale
from phasescope.evidence.rules import Rule, SameSet, Value

Verdict = Literal["shown", "not shown", "refuted"]


class Claim(Config):
    """One published statement with a number or a set in it, and the rule it is judged by.

    Example:
        >>> from phasescope.evidence.rules import Within
        >>> claim = Claim(
        ...     id="loss", statement="It is solved.", source="nanda2023 section 4", quantity="measure:loss",
        ...     published=2.41e-7, unit="nats", rule=Within(relative=0.25), scale="log",
        ... )
        >>> claim.rule.region(claim.published)
        (1.8075e-07, 3.0125e-07)
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Short name, unique in a study."""
    statement: str
    """What is claimed, in one sentence."""
    source: str
    """Where it is published."""
    quantity: str
    """Key of what supplies the measured number: "measure:...", "ablation:...", "phase:..."."""
    published: Value
    """The published number or set."""
    unit: str = ""
    """Unit of the number; empty for a fraction, a ratio or a set."""
    rule: Rule
    """What the measured value has to satisfy."""
    scale: Scale = "linear"
    """The scale on which seeds are averaged: log for losses."""
    variant: str = ""
    """Which of several definitions is meant, where the paper leaves it open."""
    seed_specific: bool = False
    """Whether the claim is about one run of the authors' and is judged on that seed alone."""
    seed: int = 0
    """The seed of the authors' run that a seed-specific claim is about."""

    @model_validator(mode="after")
    def _rule_fits_the_value(self) -> "Claim":
        if isinstance(self.published, tuple) != isinstance(self.rule, SameSet):
            raise ValueError(f"a set needs the rule same_set and a number needs another; claim {self.id}")
        return self


class Evidence(Config):
    """What was measured for a claim, and what that says about it."""

    claim: Claim
    """The claim."""
    measured: Value | None
    """Centre over seeds, or the one seed's value; None if nothing measured it."""
    interval: tuple[float, float] | None
    """95 % interval over seeds; None for one seed or a set."""
    n: int = Field(ge=0)
    """Number of seeds that count for this claim."""
    verdict: Verdict
    """Shown, not shown or refuted."""
    note: str = ""
    """Why there is no verdict on a number, where that needs saying."""
