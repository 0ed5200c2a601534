"""claims.json: the round trip, the canonical bytes, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Claim, Evidence
from phasescope.evidence.claims_file import claims_from_json, claims_to_json
from phasescope.evidence.rules import Above, Below, Between, SameSet, Within
from phasescope.evidence.verdict import judge

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
RULES = st.one_of(
    st.floats(0.01, 0.99).map(lambda relative: Within(relative=relative)),
    NUMBERS.map(lambda bound: Below(bound=bound)),
    NUMBERS.map(lambda bound: Above(bound=bound)),
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: Between(low=min(pair), high=max(pair))),
)


def _number_claim(published: float, rule: Within | Below | Above | Between, statement: str) -> Claim:
    return Claim(id="x", statement=statement, source="s", quantity="q:x", published=published, rule=rule)


@given(st.lists(st.tuples(NUMBERS, RULES, st.text(), NUMBERS), max_size=5))
def test_round_trip_to_the_same_bytes(rows: list) -> None:
    evidence = tuple(judge(_number_claim(p, rule, text), {0: value}) for p, rule, text, value in rows)
    text = claims_to_json(evidence)
    assert claims_from_json(text) == evidence
    assert claims_to_json(claims_from_json(text)) == text


def test_sets_survive() -> None:
    claim = Claim(
        id="k", statement="Keys.", source="s", quantity="measure:keys", published=(14, 35), rule=SameSet()
    )
    evidence = (judge(claim, {0: (35, 14)}),)
    assert claims_from_json(claims_to_json(evidence)) == evidence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"evidence": [{}]}',
        '{"evidence": [], "more": 1}',
        '{"evidence": [{"claim": {"id": "X Y"}}]}',
    ],
)
def test_what_is_not_a_claims_file_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(PhasescopeError) as refused:
        claims_from_json(text, "runs/a/claims.json")
    assert str(refused.value).startswith("runs/a/claims.json")
    assert "\n" not in str(refused.value)


def test_a_verdict_that_does_not_exist_is_refused() -> None:
    claim = Claim(id="k", statement="s", source="s", quantity="q", published=1.0, rule=Below(bound=2.0))
    text = claims_to_json([Evidence(claim=claim, measured=1.0, interval=None, n=1, verdict="shown")])
    with pytest.raises(PhasescopeError, match="verdict"):
        claims_from_json(text.replace('"shown"', '"proven"'))
