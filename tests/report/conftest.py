"""Evidence and figures that several tests of the report share."""

import pytest

from phasescope.evidence.claim import Claim, Evidence
from phasescope.evidence.rules import Below, SameSet, Within
from phasescope.evidence.verdict import judge

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(2)</script>",
    "javascript:alert(3)",
    "' onmouseover='alert(4)",
    "<svg/onload=alert(5)>",
    "\x1b[31mred\x1b[0m\x07",
    "[bold red]markup[/]",
    "&lt;b&gt; & <!-- -->",
    "‮lmth<",
)
"""Names an attacker, or an unlucky user, might give a run."""


@pytest.fixture
def evidence() -> tuple[Evidence, ...]:
    loss = Claim(
        id="loss",
        statement="The network solves the task.",
        source="section 4",
        quantity="measure:loss",
        published=2.41e-7,
        unit="nats",
        rule=Within(relative=0.25),
        scale="log",
        variant="all pairs",
    )
    keys = Claim(
        id="keys",
        statement="Five key frequencies.",
        source="section 4",
        quantity="measure:keys",
        published=(14, 35, 41, 42, 52),
        rule=SameSet(),
        seed_specific=True,
    )
    rest = Claim(
        id="rest",
        statement="The rest is small.",
        source="section 5",
        quantity="measure:rest",
        published=0.0055,
        rule=Below(bound=0.0055),
    )
    return (
        judge(loss, {0: 2.3e-7, 1: 2.4e-7, 2: 2.5e-7}),
        judge(keys, {0: (14, 35, 41, 42, 52), 1: (2, 9, 19, 31)}),
        judge(rest, {0: 0.1, 1: 0.11, 2: 0.12}),
        judge(rest.model_copy(update={"id": "unmeasured"}), {}),
    )


@pytest.fixture
def nasty_evidence() -> tuple[Evidence, ...]:
    claims = (
        Claim(
            id="x",
            statement=text,
            source=text,
            quantity=text,
            published=1.0,
            unit=text,
            rule=Below(bound=2.0),
            variant=text,
        )
        for text in NASTY
    )
    return tuple(judge(claim, {0: 1.0}).model_copy(update={"note": claim.statement}) for claim in claims)
