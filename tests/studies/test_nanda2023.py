"""The study from top to bottom: on its own recipe for a few steps, and on a small network until it groks."""

import pytest

from phasescope.evidence.claims_file import claims_from_json
from phasescope.measures.context import Context
from phasescope.measures.measure import measure
from phasescope.models.config import TransformerConfig
from phasescope.phases.outcome import outcome_of
from phasescope.studies.nanda2023 import judge_all, reproduce
from phasescope.studies.nanda2023_claims import MAINLINE
from phasescope.studies.run_reading import read_run
from phasescope.tasks.config import ModularTask
from phasescope.tasks.split import SplitConfig
from phasescope.training.engine import train
from phasescope.training.recipe import Recipe, StopConfig


@pytest.mark.slow
def test_a_short_reproduction_prints_every_claim_and_shows_none_that_needs_training(tmp_path, capsys):
    found = reproduce(seeds=(0,), steps=100, root=tmp_path)
    printed = capsys.readouterr().out
    verdicts = {evidence.claim.id: evidence.verdict for evidence in found.evidence}
    assert len(verdicts) == len(MAINLINE)
    assert verdicts["key-frequencies"] == "not shown"
    assert verdicts["loss"] == "not shown"
    assert "ends near step 14,000; what stands here is of step 100" in printed
    assert "wall time" in printed
    assert "published" in printed
    page = found.page.read_text()
    assert "not shown" in page
    assert "<script" not in page
    for link in ("http://", "https://"):
        assert link not in page.replace("https://arxiv.org", "").replace("http://www.w3.org", "")
    assert {path.suffix for path in (found.page.parent / "figures").iterdir()} == {".svg", ".png"}
    kept = claims_from_json((found.page.parent / "claims.json").read_text())
    assert [evidence.claim.id for evidence in kept] == [evidence.claim.id for evidence in found.evidence]


@pytest.fixture(scope="module")
def grokked(tmp_path_factory):
    """The smallest recipe that groks here with a plateau: p = 59, half of the pairs."""
    recipe = Recipe(
        name="small-grokker",
        task=ModularTask(operation="a+b", p=59),
        split=SplitConfig(kind="nanda2023", fraction=0.5, seed=1),
        model=TransformerConfig(d_model=64, n_heads=4, d_head=16, d_mlp=256),
        steps=20_000,
        seed=1,
        stop=StopConfig(when="cleaned_up", patience=10),
        threads=1,
    )
    return train(recipe, root=tmp_path_factory.mktemp("runs"), show_progress=False)


@pytest.mark.slow
def test_a_small_network_groks_and_its_circuit_is_found(grokked):
    history = {
        name: list(zip(s.tolist(), v.tolist(), strict=True)) for name, (s, v) in grokked.metrics().items()
    }
    assert outcome_of(history).kind == "grokked"
    assert grokked.status.step < 20_000, "it stopped when it was cleaned up"

    context = Context(grokked.at(grokked.steps()[-1]), grokked.task, grokked.split)
    found = measure(
        context, ["key_frequencies", "loss", "restricted_loss", "excluded_loss_all_keys", "accuracy"]
    )
    assert found["accuracy"] == 1.0
    assert 2 <= len(found["key_frequencies"]) <= 8
    assert found["restricted_loss"] < found["loss"]
    assert found["excluded_loss_all_keys"] > 1.0

    first = Context(grokked.at(0), grokked.task, grokked.split)
    assert measure(first, ["key_frequencies"])["key_frequencies"] == []


@pytest.mark.slow
def test_its_phases_come_in_the_papers_order(grokked):
    reading = read_run(grokked)
    assert reading.phases.names[:2] == ("memorisation", "circuit formation")
    starts = [stretch.start for stretch in reading.phases.stretches]
    assert starts == sorted(starts)
    asked = {one.claim.id: one.n for one in judge_all({1: reading})}
    assert "key-frequencies" not in asked, "a claim about the authors' seed alone"
    assert asked["restricted-loss"] == 1
