"""Addition digit by digit: each digit of the sum has a phase change of its own; their order over seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from phasescope.measures.sequences.losses import loss_by
from phasescope.models.model import Model
from phasescope.phases.changepoints import Break
from phasescope.phases.series import Series
from phasescope.report.figures.progress import Panel, progress_measures
from phasescope.report.page import Plate, Section
from phasescope.report.table import Table
from phasescope.studies.phase_changes_claims import DIGITS, falls, halves
from phasescope.studies.phase_changes_words import step_in_words
from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.drawn import StreamSplit
from phasescope.tasks.sequences import Sequences
from phasescope.training.engine import train
from phasescope.training.recipe import Recipe
from phasescope.training.run import Run
from phasescope.training.sequence_presets import addition

NOTES = ("digit", "carry_in")
_TEST = 256


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


def digit_recipe(seed: int) -> Recipe:
    """Return the recipe: 5-digit addition on a stream, looked at on 256 examples."""
    recipe = addition(seed=seed, digits=DIGITS)
    update = {"name": f"addition{DIGITS}-by-digit-seed{seed}", "split": StreamSplit(n_test=_TEST, seed=seed)}
    return recipe.model_copy(update=update)


def digit_run(seed: int, root: Path | str, show: bool) -> Run:
    """Train it, or go on with it.

    Args:
        seed: Seed of weights and data.
        root: Folder of runs.
        show: Whether to show progress.
    """
    recipe = digit_recipe(seed)
    examples = StreamSplit(n_test=_TEST, seed=seed).test(AdditionTask(digits=DIGITS).build())
    return train(recipe, root, show_progress=show, probe=DigitLosses(examples))


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
    by_digit = {_name(digit): Series.of(*written[f"digit_{digit}"]) for digit in range(DIGITS + 1)}
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


def _name(digit: int) -> str:
    """What a digit of the sum is called."""
    return {0: "leading digit", DIGITS: "units", DIGITS - 1: "tens", DIGITS - 2: "hundreds"}.get(
        digit, f"10^{DIGITS - digit}"
    )
