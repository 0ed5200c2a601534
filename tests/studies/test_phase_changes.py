"""The study of phase changes: the cheapest task from nothing, resumed, with its table, figures and claims."""

import json

import numpy as np
import pytest

from phasescope.cli import main
from phasescope.evidence.claims_file import claims_from_json
from phasescope.phases.changepoints import Break
from phasescope.studies.phase_changes import reproduce
from phasescope.studies.phase_changes_cells import CELLS
from phasescope.studies.phase_changes_depth import TASKS, Heads
from phasescope.studies.phase_changes_digits import DigitLosses, digit_recipe, orders_that_hold
from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.training.trainer import Trainer


def test_cells_differ_only_in_data_and_decay():
    for cell in CELLS:
        recipe, unlimited = cell.recipe(3), next(c for c in CELLS if c.task == cell.task).recipe(3)
        assert (recipe.task, recipe.model, recipe.seed) == (unlimited.task, unlimited.model, 3)
        assert (recipe.optimiser.weight_decay > 0) == cell.decay
        assert isinstance(recipe.split, StreamSplit if cell.n_train is None else DrawnSplit)
        assert getattr(recipe.split, "n_train", None) == cell.n_train
    digests = {cell.recipe(0).digest for cell in CELLS}
    assert len(digests) == len({cell.claim.id for cell in CELLS}) == len(CELLS)
    assert len({cell.recipe(0).name for cell in CELLS}) == len(CELLS)


def test_claims_are_printed_before_any_run(capsys):
    assert main(["claims", "phase_changes"]) == 0
    out = capsys.readouterr().out
    assert out.count("phase change.") == 2 * len({cell.task for cell in CELLS})


def test_steps_are_refused_in_one_line(capsys):
    assert main(["reproduce", "phase_changes", "--steps", "50"]) == 2
    line = "error: phase_changes has steps of its own for every task; leave out --steps"
    assert capsys.readouterr().err.strip() == line


def test_digits_are_named_and_an_order_holds_only_where_intervals_are_apart():
    def fall(step, half):
        return Break(step, step - half, step + half)

    one = {digit: fall(100 * digit, 20) for digit in range(6)}
    other = one | {5: fall(120, 20), 4: fall(410, 40)}
    held = orders_that_hold({0: one, 1: other})
    assert (0, 1) in held
    assert (0, 5) in held
    assert (2, 5) not in held, "it is the other way round in one seed"
    assert (1, 5) not in held, "the intervals overlap in one seed"
    assert (3, 4) in held


@pytest.mark.parametrize("task", TASKS)
def test_the_probe_of_heads_fits_both_tasks(task):
    trainer = Trainer(TASKS[task](seed=0, n_layers=2))
    read = Heads(trainer.task.d_vocab, trainer.task.n_ctx)(trainer.model, 0)
    assert list(read) == ["prefix_matching", "previous_token"]
    assert all(0 < score < 0.4 for score in read.values())


def test_the_probe_reads_every_digit_and_carry():
    recipe = digit_recipe(0)
    trainer = Trainer(recipe)
    examples = recipe.split.test(trainer.task)
    read = DigitLosses(examples)(trainer.model, 0)
    assert list(read) == [*(f"digit_{digit}" for digit in range(6)), "carry_in_0", "carry_in_1"]
    assert np.mean([read[f"digit_{digit}"] for digit in range(6)]) == pytest.approx(
        trainer.look()["test_loss"]
    )


@pytest.mark.slow
def test_the_cheapest_task_shows_its_phase_change_and_is_not_trained_twice(tmp_path):
    cells = [cell for cell in CELLS if cell.task == "skip trigrams" and cell.n_train is None and cell.decay]
    found = reproduce((0,), tmp_path, cells=cells, circuits=False, show=False)
    [(course, *_)] = [list(of.values()) for of in found.courses.values()]
    assert course.way == "phase change", course.why
    assert 60 <= course.fall.begins.low <= course.fall.ends.high <= 250
    text = found.page.read_text()
    assert "falls from" in text
    assert (tmp_path / "phase_changes" / "figures" / "skip-trigrams.png").stat().st_size > 10_000
    claims = claims_from_json((tmp_path / "phase_changes" / "claims.json").read_text(), "claims")
    assert [one.verdict for one in claims] == ["shown"]
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    reproduce((0,), tmp_path, cells=cells, circuits=False, show=False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == written
    assert json.loads((tmp_path / "phase_changes" / "claims.json").read_text())
