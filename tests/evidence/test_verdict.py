"""Verdicts: shown, not shown, refuted, by rule, interval and number of seeds."""

import pytest

from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Claim
from phasescope.evidence.rules import Above, Below, Between, Rule, SameSet, Within
from phasescope.evidence.verdict import judge


def _claim(published: float | tuple[int, ...], rule: Rule, **more: object) -> Claim:
    return Claim(
        id="a",
        statement="It is so.",
        source="here",
        quantity="measure:a",
        published=published,
        rule=rule,
        **more,
    )


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        (Within(relative=0.25), [75.0, 100.0, 125.0], [74.9, 125.1, -100.0]),
        (Below(bound=5.0), [5.0, -1e9], [5.1]),
        (Above(bound=5.0), [5.0, 1e9], [4.9]),
        (Between(low=1.0, high=2.0), [1.0, 2.0], [0.99, 2.01]),
    ],
)
def test_one_seed_shows_or_does_not(rule: Rule, inside: list[float], outside: list[float]) -> None:
    claim = _claim(100.0, rule)
    assert {judge(claim, {0: value}).verdict for value in inside} == {"shown"}
    assert {judge(claim, {0: value}).verdict for value in outside} == {"not shown"}


def test_within_a_negative_published_value() -> None:
    assert Within(relative=0.25).region(-8.0) == (-10.0, -6.0)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([99.0, 100.0, 101.0], "shown"),  # 97.5 to 102.5
        ([124.0, 125.0, 126.0], "not shown"),  # straddles 125
        ([60.0, 100.0, 140.0], "not shown"),  # wider than the region on both sides
        ([149.0, 150.0, 151.0], "refuted"),
        ([49.0, 50.0, 51.0], "refuted"),
    ],
)
def test_the_whole_interval_decides(values: list[float], verdict: str) -> None:
    evidence = judge(_claim(100.0, Within(relative=0.25)), dict(enumerate(values)))
    assert (evidence.verdict, evidence.n) == (verdict, 3)
    assert evidence.interval is not None
    assert evidence.interval[0] <= evidence.measured <= evidence.interval[1]


def test_log_scale_gives_the_geometric_mean() -> None:
    claim = _claim(1.0, Between(low=0.5, high=2.0), scale="log")
    assert judge(claim, {0: 0.1, 1: 10}).measured == pytest.approx(1.0)


def test_seed_specific_claims_look_at_the_authors_seed_only() -> None:
    claim = _claim((14, 35), SameSet(), seed_specific=True)
    shown = judge(claim, {0: [35, 14], 1: (2, 9)})
    assert (shown.verdict, shown.n, shown.measured) == ("shown", 1, (14, 35))
    missing = judge(claim, {1: (2, 9)})
    assert (missing.verdict, missing.n, missing.note) == ("not shown", 0, "needs seed 0")
    other = _claim((2, 9), SameSet(), seed_specific=True, seed=1)
    assert judge(other, {0: (35, 14), 1: (2, 9)}).verdict == "shown"


def test_sets_over_seeds() -> None:
    claim = _claim((1, 2), SameSet())
    assert judge(claim, {0: (1, 2), 1: (2, 1)}).verdict == "shown"
    half = judge(claim, {0: (1, 2), 1: (1, 3)})
    assert (half.verdict, half.note) == ("not shown", "1 of 2 seeds")
    assert judge(claim, {0: (1, 4), 1: (1, 3)}).verdict == "refuted"
    assert judge(claim, {0: (1, 4)}).verdict == "not shown"
    assert judge(claim, {0: ()}).verdict == "not shown"


def test_what_was_not_measured_is_not_shown() -> None:
    claim = _claim(1.0, Below(bound=2.0))
    assert judge(claim, {}).note == "not measured"
    lost = judge(claim, {0: 1.0, 1: float("nan")})
    assert (lost.verdict, lost.measured, lost.note) == ("not shown", None, "1 of 2 seeds gave no number")


def test_a_loss_of_zero_has_no_logarithm_and_says_so() -> None:
    claim = _claim(1.0, Below(bound=2.0), scale="log")
    assert judge(claim, {0: 0.0}).verdict == "shown"
    lost = judge(claim, {0: 0.0, 1: 1.0})
    assert (lost.verdict, lost.note) == ("not shown", "1 of 2 seeds gave no number above 0")


def test_a_set_where_a_number_is_claimed_is_refused() -> None:
    with pytest.raises(PhasescopeError, match="is about a number; seed 3"):
        judge(_claim(1.0, Below(bound=2.0)), {3: (1, 2)})
    with pytest.raises(ValueError, match="same_set"):
        _claim(1.0, SameSet())
