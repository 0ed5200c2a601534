"""The study of phase changes: the cheapest task from nothing, resumed, with its table, figures and claims."""

import json
import re

import numpy as np
import pytest

from phasescope.cli import main
from phasescope.evidence.claims_file import claims_from_json
from phasescope.phases.changepoints import Break
from phasescope.report.page import Page, write_page
from phasescope.studies.phase_changes import reproduce
from phasescope.studies.phase_changes_cells import CELLS, UNLIMITED, digit_recipe
from phasescope.studies.phase_changes_claims import FINDINGS, GAINS, MATCHES, NETWORKS, NO_GAIN
from phasescope.studies.phase_changes_context import LAYERS, ContextProbe, context_recipe, context_section
from phasescope.studies.phase_changes_depth import TASKS, Heads, depth_section
from phasescope.studies.phase_changes_digits import (
    digit_probe,
    digits_section,
    limited_digits_section,
    orders_that_hold,
)
from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.tasks.split import SplitConfig
from phasescope.training.run import Run
from phasescope.training.trainer import Trainer


def test_cells_differ_only_in_data_and_decay():
    for cell in CELLS:
        recipe, unlimited = cell.recipe(3), next(c for c in CELLS if c.task == cell.task).recipe(3)
        assert (recipe.task, recipe.model, recipe.seed) == (unlimited.task, unlimited.model, 3)
        assert (recipe.optimiser.weight_decay > 0) == cell.decay
        match recipe.split:
            case StreamSplit():
                assert cell.data == "unlimited"
            case DrawnSplit(n_train=n_train):
                assert cell.data == f"{n_train:,} sequences"
            case SplitConfig(fraction=fraction):
                assert cell.data == f"{100 * fraction:g} % of the pairs"
    digests = {cell.recipe(0).digest for cell in CELLS}
    assert len(digests) == len({cell.claim.id for cell in CELLS}) == len(CELLS)
    assert len({cell.recipe(0).name for cell in CELLS}) == len(CELLS)
    assert all(re.fullmatch("[a-z][a-z -]*", cell.task) for cell in CELLS), "a figure's name is made of it"


def test_claims_are_printed_before_any_run(capsys):
    assert main(["claims", "phase_changes"]) == 0
    out = capsys.readouterr().out
    assert out.count("phase change.") == sum(cell.claimed == "phase change" for cell in CELLS) == 11
    for finding in FINDINGS:
        assert finding.statement in out


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
    read = digit_probe(recipe)(trainer.model, 0)
    assert list(read) == [*(f"digit_{digit}" for digit in range(6)), "carry_in_0", "carry_in_1"]
    assert np.mean([read[f"digit_{digit}"] for digit in range(6)]) == pytest.approx(
        trainer.look()["test_loss"]
    )


def written(**ends):
    """Series that stay at their first value until they fall or rise to the given end within a few looks."""
    steps = np.arange(0, 1601, 20)
    change = 1 / (1 + np.exp((700 - steps) / 15))
    first = {"in_context_learning": 0.0, "prefix_matching": 0.1, "test_loss": 3.0, "test_accuracy": 0.1}
    return {
        name: (steps, first[name] + (ends.get(name, first[name]) - first[name]) * change) for name in first
    }


def holding(of, found):
    return {
        finding.id.rpartition("-")[2] for finding in FINDINGS if finding.of == of and finding.holds(found)
    }


def test_claims_of_context_hold_for_what_they_say_and_for_nothing_else():
    learnt, idle = written(in_context_learning=GAINS - 0.1, prefix_matching=MATCHES + 0.1), written()
    for network in NETWORKS[1:3]:
        assert holding(network, learnt) == {"score", "heads", "change", "moment"}
        assert holding(network, idle) == set()
    assert holding(NETWORKS[3], learnt) == {"score", "heads"}
    assert holding(NETWORKS[0], idle) == {"score", "change", "heads"}
    assert holding(NETWORKS[0], learnt) == set()
    between = written(in_context_learning=(GAINS + NO_GAIN) / 2)
    assert "score" not in holding(NETWORKS[0], between) | holding(NETWORKS[1], between)
    steps, matching = learnt["prefix_matching"]
    early = learnt | {"prefix_matching": (steps, np.roll(matching, -25))}
    assert "moment" not in holding(NETWORKS[1], early), "heads that were there long before"


def test_claims_of_depth_hold_for_what_they_say():
    solved = written(test_loss=0.01, test_accuracy=1.0, prefix_matching=0.8)
    assert holding(("repeats", 2), solved) == {"change", "heads"}
    assert holding(("repeats", 1), solved) == set()
    assert holding(("repeats", 1), written()) == {"change", "heads"}
    assert holding(("predecessor", 2), solved) == {"change", "solved"}
    assert holding(("predecessor", 1), written()) == {"unsolved"}
    assert holding(("predecessor", 1), solved) == set()


def test_claims_of_digits_hold_for_what_they_say():
    steps = np.arange(0, 2001, 10)
    fall = {f"digit_{d}": (steps, 2 / (1 + np.exp((steps - 300 - 200 * d) / 10))) for d in range(6)}
    assert holding("digits", fall) == {"order", "change"}
    swapped = fall | {"digit_1": fall["digit_2"], "digit_2": fall["digit_1"]}
    assert holding("digits", swapped) == {"change"}
    assert holding("digits", fall | {"digit_5": (steps, 2 - steps / 2000)}) == {"order"}


class Told(Run):
    """A run of which nothing is known but what it wrote down."""

    def __init__(self, told):
        self.told = told

    def metrics(self):
        return self.told


def test_every_section_is_written_with_its_figures_and_a_row_for_each_run(tmp_path):
    steps = np.arange(0, 2001, 20)
    digits = {f"digit_{d}": (steps, 2 / (1 + np.exp((steps - 300 - 200 * d) / 10))) for d in range(6)}
    digits |= {f"carry_in_{c}": digits["digit_3"] for c in (0, 1)}
    learnt = written(in_context_learning=-1.2, prefix_matching=0.8, test_loss=0.1, test_accuracy=1.0)
    learnt |= {"previous_token": learnt["prefix_matching"], "train_loss": learnt["test_loss"]}
    run, sums = Told(learnt), Told(learnt | digits)
    depth = {(task, n): {0: run} for task in TASKS for n in (1, 2)}
    sections = [
        digits_section({0: sums, 1: sums}),
        limited_digits_section({"750 sequences, decay": {0: sums}, "750 sequences, no decay": {0: sums}}),
        depth_section(depth),
        context_section({network: {0: run} for network in LAYERS}),
    ]
    assert [len(table.rows) for section in sections for table in section.tables] == [12, 12, 4, 4]
    page = tmp_path / "report.html"
    paths = write_page(Page("All", sections=sections), page)
    assert sum(path.suffix == ".png" for path in paths) == 1 + 2 + 2 + 1
    text = page.read_text()
    assert "tens before units" in text
    assert "units before tens" not in text
    assert "memorisation only" not in text


@pytest.mark.parametrize("network", LAYERS)
def test_the_networks_of_the_toy_language_differ_in_layers_and_keys_alone(network):
    recipe, other = context_recipe(network, 0), context_recipe("2 layers", 0)
    model = {"n_layers": 2, "smeared_keys": False}
    assert recipe.model.model_copy(update=model) == other.model
    assert (recipe.task, recipe.optimiser, recipe.split) == (other.task, other.optimiser, other.split)
    assert "smeared_keys" not in other.canonical_json(), "an option that joined later leaves digests alone"
    trainer = Trainer(recipe)
    examples = StreamSplit(n_test=8).test(trainer.task)
    read = ContextProbe(examples, Heads(trainer.task.d_vocab, trainer.task.n_ctx))(trainer.model, 0)
    assert list(read) == ["in_context_learning", "prefix_matching", "previous_token"]
    assert abs(read["in_context_learning"]) < 0.2
    assert ("blocks.0.attn.smear" in trainer.parameters) == (LAYERS[network][1])


@pytest.mark.slow
def test_the_cheapest_task_shows_its_phase_change_and_is_not_trained_twice(tmp_path):
    cells = [cell for cell in CELLS if cell.task == "skip trigrams" and cell.data == UNLIMITED and cell.decay]
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
