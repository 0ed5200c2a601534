"""One layer against two: repeats and the marker's predecessor, with the heads that appear at the change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from phasescope.measures.sequences.heads import attention_score, induction, previous_token, repeated_tokens
from phasescope.models.model import Model
from phasescope.phases.abruptness import abruptness
from phasescope.phases.series import Series
from phasescope.progress import Progress
from phasescope.report.figures.progress import Panel, progress_measures
from phasescope.report.page import Plate, Section
from phasescope.report.table import Table
from phasescope.studies.phase_changes_claims import MATCHES, end_of, fall_of, matching
from phasescope.studies.phase_changes_words import fall_in_words
from phasescope.training.engine import train
from phasescope.training.recipe import Recipe
from phasescope.training.run import Run
from phasescope.training.sequence_presets import predecessor, repeats

LAYERS = (1, 2)
TASKS: Mapping[str, Callable[..., Recipe]] = {"repeats": repeats, "predecessor": predecessor}
HEADS = {
    "repeats": (("prefix_matching", "prefix matching"), ("previous_token", "previous token")),
    "predecessor": (("previous_token", "previous token"),),
}
"""The head scores that tell of each task: nothing repeats in the second."""
LENGTHS = (7, 9, 11)
"""Lengths of the repeated blocks that prefix matching is read on: a fixed offset fits one of them at most."""

Depth = Mapping[tuple[str, int], Mapping[int, Run]]
"""Runs by seed, for each task and number of layers."""


@dataclass(frozen=True)
class Heads:
    """Reads the best prefix-matching and previous-token score of any head, at every look of a run.

    Args:
        vocab: Tokens of the network.
        n_ctx: Its context.
    """

    vocab: int
    n_ctx: int

    def __call__(self, model: Model, step: int) -> dict[str, float]:
        """Return both scores; prefix matching is the least over lengths of the best head at each."""
        read = [repeated_tokens(self.vocab, self.n_ctx, length) for length in LENGTHS]
        matching = [max(attention_score(model, tokens, induction).values()) for tokens in read]
        back = max(attention_score(model, torch.cat(read), previous_token).values())
        return {"prefix_matching": min(matching), "previous_token": back}


def depth_runs(seeds: Sequence[int], root: Path | str, show: bool) -> Depth:
    """Train both tasks with one layer and with two.

    Args:
        seeds: Seeds of weights and data.
        root: Folder of runs.
        show: Whether to show progress.
    """
    runs: dict[tuple[str, int], dict[int, Run]] = {(task, n): {} for task in TASKS for n in LAYERS}
    todo = [(task, n, seed) for task, n in runs for seed in seeds]
    shown = Progress(len(todo), "runs with one layer and two") if show else None
    for done, (task, n_layers, seed) in enumerate(todo, 1):
        recipe = TASKS[task](seed=seed, n_layers=n_layers)
        recipe = recipe.model_copy(update={"name": recipe.name.replace("-seed", "-heads-seed")})
        built = recipe.task.build()
        runs[task, n_layers][seed] = train(
            recipe, root, show_progress=False, probe=Heads(built.d_vocab, built.n_ctx)
        )
        if shown:
            shown.update(done, recipe.name)
    return runs


def depth_section(runs: Depth) -> Section:
    """Write the comparison up.

    Args:
        runs: What ``depth_runs`` returned.
    """
    rows, plates = [], []
    for task in TASKS:
        first = {n: next(iter(runs[task, n].values())).metrics() for n in LAYERS}
        panels = [
            Panel(label, {f"{n} layer{'s' * (n > 1)}": Series.of(*first[n][key]) for n in LAYERS})
            for key, label in (("test_loss", "test loss (nats)"), *HEADS[task])
        ]
        one, two = (first[n]["test_accuracy"][1][-1] for n in LAYERS)
        title = f"{task.capitalize()}: accuracy {one:.0%} with one layer, {two:.0%} with two"
        figure = progress_measures(panels, title=title)
        plates.append(
            Plate(
                f"depth-{task}",
                figure,
                f"Test loss and head scores of {task} over training, with one layer and with two.",
                "The best head of any layer; prefix matching is the least over blocks of 7, 9 and 11 tokens.",
            )
        )
        rows += [_row(task, n, runs[task, n]) for n in LAYERS]
    columns = (
        "task",
        "layers",
        "seed",
        "test loss at the end",
        "accuracy",
        "prefix matching",
        "fall of the loss",
        "rise of prefix matching",
    )
    lines = [line for lines in rows for line in lines]
    return Section(
        "One layer and two",
        "Attention alone. A repeat whose offset varies, and the token before a marker, need heads composed.",
        plates=plates,
        tables=[Table(columns, lines, numbers=columns[1:6])],
    )


def _row(task: str, n_layers: int, runs: Mapping[int, Run]) -> list[tuple[str, ...]]:
    lines = []
    for seed, run in runs.items():
        written = run.metrics()
        ends = [f"{end_of(written, key):.3g}" for key in ("test_loss", "test_accuracy", "prefix_matching")]
        fall = fall_in_words(fall_of(written, "test_loss"))
        matches = end_of(written, "prefix_matching") >= MATCHES
        rise = fall_in_words(abruptness(matching(written))) if matches else "no induction head"
        lines.append((task, str(n_layers), str(seed), *ends, fall, rise))
    return lines
