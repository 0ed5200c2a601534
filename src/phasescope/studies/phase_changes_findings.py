"""Claims that each run of a kind bears out or does not, such as "two layers form an induction head"."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from phasescope.evidence.claim import Claim, Evidence
from phasescope.evidence.rules import Above
from phasescope.evidence.verdict import judge
from phasescope.training.run import Run


@dataclass(frozen=True, eq=False)
class Finding:
    """One claim, judged by the share of seeds whose run bears it out: all of them, or it is not shown.

    Args:
        of: Which kind of run it is about.
        id: Short name.
        statement: What is claimed, its threshold included.
        source: Where it is published.
        holds: Whether one run bears it out.
    """

    of: Hashable
    id: str
    statement: str
    source: str
    holds: Callable[[Run], bool]

    @property
    def claim(self) -> Claim:
        """The claim, as it is printed before any run."""
        return Claim(
            id=self.id,
            statement=self.statement,
            source=self.source,
            quantity=f"share of seeds:{self.id}",
            published=1.0,
            rule=Above(bound=1.0),
        )


def judged(findings: Sequence[Finding], runs: Mapping[Hashable, Mapping[int, Run]]) -> list[Evidence]:
    """Hold every claim against the runs it is about.

    Args:
        findings: The claims.
        runs: Runs by seed, for each kind.
    """
    return [
        judge(one.claim, {seed: float(one.holds(run)) for seed, run in runs[one.of].items()})
        for one in findings
    ]
