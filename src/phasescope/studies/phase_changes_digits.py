"""Addition digit by digit: each digit of the sum has a phase change of its own; their order over seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from phasescope.measures.sequences.losses import loss_by
from phasescope.models.model import Model
from phasescope.phases.changepoints import Break
from phasescope.phases.formula import course_of
from phasescope.phases.series import Series
from phasescope.report.figures.progress import Panel, progress_measures
from phasescope.report.page import Plate, Section
from phasescope.report.table import Table
from phasescope.studies.phase_changes_claims import DIGITS, Written, falls, halves
from phasescope.studies.phase_changes_words import step_in_words
from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.tasks.sequences import Sequences
from phasescope.training.recipe import Recipe
from phasescope.training.run import Run

NOTES = ("digit", "carry_in")


@dataclass(frozen=True, eq=False)
class DigitLosses:
    """Reads the loss of each digit, and with and without a carry coming in, at every look of a run.

    Args:
        examples: What the network is asked.
    """

    examples: Sequences

    def __call__(self, model: Model, step: int) -> dict[str, float]:
        """Return the losses by name: digit_0 is the leading one."""
        found = {
            (note, at): loss for note in NOTES for at, loss in loss_by(model, self.examples, note).items()
        }
        return {f"{note}_{at}": loss for (note, at), loss in found.items()}


def digit_probe(recipe: Recipe) -> DigitLosses | None:
    """Return what reads the digits of a run on addition, off its held-out examples; None for another task.

    Args:
        recipe: Of the run.
    """
    if not isinstance(recipe.task, AdditionTask):
        return None
    task, split = recipe.task.build(), recipe.split
    if isinstance(split, StreamSplit):
        return DigitLosses(split.test(task))
    assert isinstance(split, DrawnSplit), "the recipe has seen to it"
    return DigitLosses(split.draw(task)[1])


def orders_that_hold(found: Mapping[int, Mapping[int, Break]]) -> list[tuple[int, int]]:
    """Return the pairs of digits of which the first falls first, intervals apart, in every seed.

    Args:
        found: For each seed, when each digit is half learnt.
    """
    digits = range(DIGITS + 1)
    pairs = [pair for one, other in combinations(digits, 2) for pair in ((one, other), (other, one))]
    return [
        (first, later)
        for first, later in pairs
        if all(of[first].high < of[later].low for of in found.values())
    ]


def digits_section(runs: Mapping[int, Run]) -> Section:
    """Write it up: the figure of the first seed, and a row for each digit of each seed.

    Args:
        runs: By seed.
    """
    half = {seed: halves(run.metrics()) for seed, run in runs.items()}
    found = {seed: falls(run.metrics()) for seed, run in runs.items()}
    written = next(iter(runs.values())).metrics()
    by_digit = _by_digit(written)
    by_carry = {
        name: Series.of(*written[f"carry_in_{carry}"])
        for carry, name in enumerate(("no carry in", "carry in"))
    }
    figure = progress_measures(
        [Panel("loss (nats)", by_digit), Panel("loss (nats)", by_carry)],
        title="Addition of five digits: loss of each digit, and with and without a carry coming in",
    )
    rows = [
        (
            str(seed),
            _name(digit),
            *map(step_in_words, (half[seed][digit], fall.begins, fall.ends)),
            "yes" if fall.abrupt else f"no: {fall.why}",
        )
        for seed, of in found.items()
        for digit, fall in of.items()
    ]
    holds = orders_that_hold(half)
    always = "; ".join(f"{_name(first)} before {_name(later)}" for first, later in holds) or "none"
    return Section(
        "Addition, digit by digit",
        "Half learnt is when the loss is halfway down, known to the looks around it. "
        f"Orders that hold in every seed, these intervals apart: {always}.",
        plates=[
            Plate(
                "digits",
                figure,
                "Loss of each digit of the sum over training; below, with and without a carry coming in.",
                "The units are the last digit of the sum, the leading digit is the final carry.",
            )
        ],
        tables=[
            Table(
                ("seed", "digit", "half learnt", "fall begins", "fall ends", "abrupt"),
                rows,
                numbers=("seed",),
            )
        ],
    )


def limited_digits_section(runs: Mapping[str, Mapping[int, Run]]) -> Section:
    """Write up which digits are learnt, and how, when the same few sums come again and again.

    Args:
        runs: By the name of the setting, such as "750 sequences, decay", and by seed.
    """
    rows, plates = [], []
    for place, (setting, by_seed) in enumerate(runs.items()):
        for seed, run in by_seed.items():
            written = run.metrics()
            trained = Series.of(*written["train_loss"])
            for digit, series in _by_digit(written).items():
                course = course_of(trained, series)
                rows.append((setting, str(seed), digit, course.way, course.why))
        written = next(iter(by_seed.values())).metrics()
        panels = [
            Panel("loss (nats)", {side: Series.of(*written[f"{side}_loss"]) for side in ("train", "test")}),
            Panel("test loss (nats)", _by_digit(written)),
        ]
        figure = progress_measures(
            panels, title=f"Addition of five digits, {setting}: test loss of each digit"
        )
        alt = f"Train and test loss, and test loss of each digit, of addition with {setting}."
        plates.append(Plate(f"limited-digits-{place}", figure, alt, "First seed."))
    return Section(
        "Addition on little data, digit by digit",
        "How each digit's test loss went, against the train loss of all digits together.",
        plates=plates,
        tables=[Table(("setting", "seed", "digit", "way", "evidence"), rows, numbers=("seed",))],
    )


def _by_digit(written: Written) -> dict[str, Series]:
    return {_name(digit): Series.of(*written[f"digit_{digit}"]) for digit in range(DIGITS + 1)}


def _name(digit: int) -> str:
    """What a digit of the sum is called, 0 the leading one."""
    return ("leading digit", "ten thousands", "thousands", "hundreds", "tens", "units")[digit]
