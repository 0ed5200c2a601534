"""The study of groups: its claims hold together, and a short run goes from an empty folder to a page."""

import pytest

from phasescope.circuits.ablations import ABLATIONS
from phasescope.circuits.hypothesis import Judgement
from phasescope.circuits.known_hypotheses import HYPOTHESES
from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Claim
from phasescope.evidence.claims_file import claims_from_json
from phasescope.evidence.verdict import judge
from phasescope.measures.measure import MEASURES
from phasescope.studies.chughtai2023 import recipe_of, reproduce
from phasescope.studies.chughtai2023_claims import ARCHITECTURES, KNOWN_GROUPS, claims_of
from phasescope.studies.chughtai2023_figures import on_cosets
from phasescope.studies.chughtai2023_readings import Reading
from phasescope.training.presets import chughtai2023

CLAIMS = {claim.id: claim for a in ARCHITECTURES for group in KNOWN_GROUPS for claim in claims_of(a, group)}


def test_ids_are_unique_and_every_number_of_the_table_is_there():
    assert len(CLAIMS) == 7 * 8 + 7 * 7 + 10


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_every_rule_is_satisfied_by_the_published_value_and_every_quantity_has_a_supplier(claim: Claim):
    assert isinstance(claim.published, float)
    assert judge(claim, {1: claim.published}).verdict == "shown"
    architecture, group, kind, name = claim.quantity.split(":")
    assert (architecture in ARCHITECTURES, group in KNOWN_GROUPS) == (True, True)
    known = {"measure": MEASURES, "accuracy": ABLATIONS, "shown": HYPOTHESES, "order": {"sign": 0}}[kind]
    assert name.partition(".")[0] in known


def test_a_member_is_the_published_recipe_looked_at_more_seldom():
    ours, published = recipe_of("mlp", "S5", 3), chughtai2023("S5", "mlp", 3)
    same = {"schedule": published.schedule, "threads": published.threads}
    assert ours.model_copy(update=same) == published
    assert (ours.steps, ours.schedule.checkpoint_every) == (250_000, 1_250)


def test_stopped_runs_are_shown_and_not_judged_and_go_on_when_asked_again(tmp_path):
    members = {"groups": ["A5"], "architectures": ["mlp"], "seeds": [1], "root": tmp_path, "show": False}
    found = reproduce(**members, steps=12, minutes=1e-9)
    assert [one.verdict for one in found.evidence] == ["not shown"] * 8
    assert {one.note for one in found.evidence} == {"not measured"}
    reading = found.readings["mlp", "A5"][1]
    assert reading.step < 12
    assert "0 of 1 runs went to their end" in found.page.read_text()

    found = reproduce(**members, steps=12)
    assert found.readings["mlp", "A5"][1].step == 12
    measured = {one.claim.id: one for one in found.evidence}
    last = len(found.readings["mlp", "A5"][1].order) + 1
    assert found.readings["mlp", "A5"][1].quantity("order:(9)") == last  # never learnt: after all others
    assert measured["mlp-a5-test"].measured > 3  # nobody learns A5 in twelve steps
    assert measured["mlp-a5-test"].verdict == "not shown"  # and one seed cannot refute
    page = found.page.read_text()
    assert "<script" not in page
    assert "1 of 1 runs went to their end" in page
    kept = claims_from_json((found.page.parent / "claims.json").read_text())
    assert [one.claim.id for one in kept] == list(measured)
    assert {path.name for path in (found.page.parent / "figures").iterdir()} == {
        "mlp-a5-irreps.png", "mlp-a5-irreps.svg"
    }  # fmt: skip


def test_a_group_without_numbers_is_refused(tmp_path):
    with pytest.raises(PhasescopeError, match=r"chughtai2023 has the groups A5, C113, .* got 'S4'"):
        reproduce(groups=["S4"], root=tmp_path, show=False)


def reading(share, verdict):
    """A reading that says only how much keeps to cosets, and what is judged of them."""
    judgement = Judgement("coset", "", verdict, (), (), "")
    made = object.__new__(Reading)
    object.__setattr__(made, "measured", {} if share is None else {"coset_concentrated_share": share})
    object.__setattr__(made, "judgements", {"coset": judgement})
    return made


def test_seeds_are_summed_up_with_their_interval_and_their_verdicts():
    seeds = {1: reading(0.6, "shown"), 2: reading(0.7, "shown"), 3: reading(0.8, "not shown")}
    said = on_cosets(seeds)
    assert "70.0% keeps to cosets" in said
    assert "(95 % interval 45.2% to 94.8%, n = 3)" in said  # 0.7 and 4.303 * 0.1 / sqrt(3)
    assert said.endswith("Verdicts: coset shown in 2, coset not shown in 1.")
    assert on_cosets({1: seeds[1], 2: reading(None, "not shown")}) == ""  # one is no interval
