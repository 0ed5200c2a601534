"""In-context learning and depth: one, two and three layers on a toy language, and one layer that looks back.

The swap of Olsson et al.: if it is the previous-token head below that one layer lacks, then keys smeared over
two positions, which give every head a look one token back, must let one layer form induction heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from phasescope.measures.sequences.losses import in_context_learning_score
from phasescope.models.model import Model
from phasescope.phases.abruptness import halfway
from phasescope.phases.series import Series
from phasescope.progress import Progress
from phasescope.report.figures.progress import Panel, progress_measures
from phasescope.report.page import Plate, Section
from phasescope.report.table import Table
from phasescope.studies.phase_changes_claims import ONE, SMEARED, THREE, TWO, end_of, fall_of, heads_form
from phasescope.studies.phase_changes_depth import Heads
from phasescope.studies.phase_changes_words import fall_in_words, step_in_words
from phasescope.tasks.drawn import StreamSplit
from phasescope.tasks.sequences import Sequences, SequenceTask
from phasescope.training.engine import train
from phasescope.training.recipe import Recipe
from phasescope.training.run import Run
from phasescope.training.sequence_presets import toy_language

LAYERS: Mapping[str, tuple[int, bool]] = {
    ONE: (1, False),
    TWO: (2, False),
    THREE: (3, False),
    SMEARED: (1, True),
}
"""Number of layers, and whether keys are smeared."""
EARLY, LATE = (4, 8), (50, 60)
"""Positions between which the context gains; copies begin at 16."""
_TEST = 256
_LOOK_EVERY = 20

Context = Mapping[str, Mapping[int, Run]]
"""Runs by seed, for each network."""


@dataclass(frozen=True, eq=False)
class ContextProbe:
    """Reads the in-context-learning score and the best heads, at every look of a run.

    Args:
        examples: Passages of the language.
        heads: Reads the head scores.
    """

    examples: Sequences
    heads: Heads

    def __call__(self, model: Model, step: int) -> dict[str, float]:
        """Return the scores by name."""
        score = in_context_learning_score(model, self.examples, LATE, EARLY)
        return {"in_context_learning": score, **self.heads(model, step)}


def context_recipe(network: str, seed: int) -> Recipe:
    """Return the recipe of one network: the toy language on a stream, looked at on 256 passages.

    Args:
        network: One of ``LAYERS``.
        seed: Of weights and data.
    """
    n_layers, smeared = LAYERS[network]
    recipe = toy_language(seed=seed, n_layers=n_layers)
    stem = recipe.name.removesuffix(f"-seed{seed}")
    update = {
        "name": f"{stem}{'-smeared' if smeared else ''}-context-seed{seed}",
        "split": StreamSplit(n_test=_TEST, seed=seed),
        "schedule": recipe.schedule.model_copy(update={"look_every": _LOOK_EVERY}),
        "model": recipe.model.model_copy(update={"smeared_keys": smeared}),
    }
    return recipe.model_copy(update=update)


def context_runs(seeds: Sequence[int], root: Path | str, show: bool) -> Context:
    """Train every network, or go on with it.

    Args:
        seeds: Seeds of weights and data.
        root: Folder of runs.
        show: Whether to show progress.
    """
    runs: dict[str, dict[int, Run]] = {network: {} for network in LAYERS}
    todo = [(network, seed) for seed in seeds for network in LAYERS]
    shown = Progress(len(todo), "runs on the toy language") if show else None
    for done, (network, seed) in enumerate(todo, 1):
        recipe = context_recipe(network, seed)
        task = recipe.task.build()
        assert isinstance(task, SequenceTask)
        examples = StreamSplit(n_test=_TEST, seed=seed).test(task)
        probe = ContextProbe(examples, Heads(task.d_vocab, task.n_ctx))
        runs[network][seed] = train(recipe, root, show_progress=False, probe=probe)
        if shown:
            shown.update(done, recipe.name)
    return runs


def context_section(runs: Context) -> Section:
    """Write it up: curves of the first seed, and a row for each network and seed.

    Args:
        runs: What ``context_runs`` returned.
    """
    first = {network: next(iter(by_seed.values())).metrics() for network, by_seed in runs.items()}
    panels = [
        Panel(label, {network: Series.of(*written[name]) for network, written in first.items()})
        for name, label in (
            ("in_context_learning", "loss at 50-59 less\nat 4-7 (nats)"),
            ("prefix_matching", "prefix matching"),
            ("previous_token", "previous token"),
            ("test_loss", "test loss (nats)"),
        )
    ]
    ends = ", ".join(f"{written['in_context_learning'][1][-1]:.2f}" for written in first.values())
    figure = progress_measures(panels, title=f"In-context-learning score at the end: {ends} nats")
    rows = [_row(network, seed, run) for network, by_seed in runs.items() for seed, run in by_seed.items()]
    columns = (
        "network",
        "seed",
        "score at the end",
        "score falls",
        "score halfway",
        "prefix matching",
        "halfway",
        "previous token",
    )
    return Section(
        "In-context learning and depth",
        "Attention alone, on a table of bigrams with passages copied from before. The score is the loss late "
        "in the context less that early in it. Smeared keys let every head of one layer look one token back.",
        plates=[
            Plate(
                "context",
                figure,
                "In-context-learning score, head scores and test loss over training, for four networks.",
                "First seed. The best head of any layer; prefix matching is the least over blocks of 7, 9 "
                "and 11 tokens.",
            )
        ],
        tables=[Table(columns, rows, numbers=(columns[1], columns[2], columns[5], columns[7]))],
    )


def _row(network: str, seed: int, run: Run) -> tuple[str, ...]:
    written = run.metrics()
    score = "in_context_learning"
    return (
        network,
        str(seed),
        f"{end_of(written, score):.2f}",
        fall_in_words(fall_of(written, score)),
        step_in_words(halfway(Series.of(*written[score]))),
        f"{end_of(written, 'prefix_matching'):.2f}",
        step_in_words(heads_form(written)),
        f"{end_of(written, 'previous_token'):.2f}",
    )
