"""From measured values to a verdict: shown, not shown or refuted."""

import math
from collections.abc import Mapping, Sequence

from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Claim, Evidence, Verdict
from phasescope.evidence.interval import student_interval
from phasescope.evidence.rules import SameSet

Measured = int | float | Sequence[int]
"""One seed's number, or its set of integers."""


def judge(claim: Claim, by_seed: Mapping[int, Measured]) -> Evidence:
    """Hold one claim against what was measured.

    With two or more seeds the claim is shown if the whole 95 % interval satisfies the rule, refuted if the
    whole interval violates it, and not shown otherwise. One seed cannot refute: it shows the claim if the
    rule holds and does not show it if not. A claim about one run of the authors' is judged on that seed
    alone, whatever else was run.

    Args:
        claim: The claim and its rule.
        by_seed: The measured value of each seed; NaN where a seed gave none.

    Returns:
        Centre, interval, n and verdict; a note where the quantity was not measured.

    Raises:
        PhasescopeError: If a set was measured where the claim is a number, or the other way round.

    Example:
        >>> from phasescope.evidence.rules import Within
        >>> claim = Claim(id="loss", statement="It is solved.", source="nanda2023", quantity="measure:loss",
        ...               published=2.4e-7, unit="nats", rule=Within(relative=0.25), scale="log")
        >>> judge(claim, {0: 2.2e-7}).verdict, judge(claim, {0: 4e-7}).verdict
        ('shown', 'not shown')
        >>> judge(claim, {0: 2.3e-7, 1: 2.4e-7, 2: 2.5e-7}).verdict
        'shown'
        >>> judge(claim, {0: 1.1e-6, 1: 1.2e-6, 2: 1.3e-6}).verdict
        'refuted'
    """
    counted = {
        seed: value for seed, value in by_seed.items() if not claim.seed_specific or seed == claim.seed
    }
    for seed, value in counted.items():
        if isinstance(value, int | float) == isinstance(claim.rule, SameSet):
            raise PhasescopeError(
                f"claim {claim.id} is about {'a set' if isinstance(claim.rule, SameSet) else 'a number'}; "
                f"seed {seed} measured {value!r}."
            )
    if not counted:
        note = f"needs seed {claim.seed}" if claim.seed_specific and by_seed else "not measured"
        return Evidence(claim=claim, measured=None, interval=None, n=0, verdict="not shown", note=note)
    if isinstance(claim.rule, SameSet):
        return _judge_sets(claim, [value for value in counted.values() if isinstance(value, Sequence)])
    return _judge_numbers(
        claim, [float(value) for value in counted.values() if isinstance(value, int | float)]
    )


def _judge_sets(claim: Claim, sets: Sequence[Sequence[int]]) -> Evidence:
    """A set is right or wrong in each seed; the set printed is the most frequent one."""
    assert isinstance(claim.published, tuple)
    found = [tuple(sorted(set(one))) for one in sets]
    n_right = sum(one == tuple(sorted(set(claim.published))) for one in found)
    verdict: Verdict = "shown" if n_right == len(found) else "not shown"
    if n_right == 0 and len(found) > 1:
        verdict = "refuted"
    usual = max(found, key=found.count)
    note = "" if len(found) == 1 else f"{n_right} of {len(found)} seeds"
    return Evidence(claim=claim, measured=usual, interval=None, n=len(found), verdict=verdict, note=note)


def _judge_numbers(claim: Claim, values: Sequence[float]) -> Evidence:
    """Compare one value, or the interval over several, with the rule's region."""
    assert not isinstance(claim.rule, SameSet)
    assert not isinstance(claim.published, tuple)
    lowest, highest = claim.rule.region(claim.published)
    positive = claim.scale == "log" and len(values) > 1
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not positive)]
    if len(finite) < len(values):
        note = f"{len(values) - len(finite)} of {len(values)} seeds gave no number" + (
            " above 0" if positive else ""
        )
        return Evidence(
            claim=claim, measured=None, interval=None, n=len(finite), verdict="not shown", note=note
        )
    if len(finite) == 1:
        one: Verdict = "shown" if lowest <= finite[0] <= highest else "not shown"
        return Evidence(claim=claim, measured=finite[0], interval=None, n=1, verdict=one)
    over = student_interval(finite, claim.scale)
    verdict: Verdict = "not shown"
    if lowest <= over.low and over.high <= highest:
        verdict = "shown"
    elif over.high < lowest or over.low > highest:
        verdict = "refuted"
    return Evidence(
        claim=claim, measured=over.centre, interval=(over.low, over.high), n=over.n, verdict=verdict
    )
