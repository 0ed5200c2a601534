"""Grokking = phase change + regularisation + limited data: the formula as a table over tasks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasescope.evidence.claim import Evidence
from phasescope.evidence.verdict import judge
from phasescope.phases.formula import Course, course_of
from phasescope.phases.series import Series
from phasescope.progress import Progress
from phasescope.report.figures.courses import Losses
from phasescope.report.terminal import print_claims
from phasescope.studies.phase_changes_cells import ADDITION, CELLS, UNLIMITED, Cell, digit_recipe
from phasescope.studies.phase_changes_claims import FINDINGS
from phasescope.studies.phase_changes_context import context_runs, context_section
from phasescope.studies.phase_changes_depth import depth_runs, depth_section
from phasescope.studies.phase_changes_digits import digit_probe, digits_section, limited_digits_section
from phasescope.studies.phase_changes_page import rows, write_report
from phasescope.tasks.drawn import StreamSplit
from phasescope.tasks.markov import BigramTask, posterior_loss
from phasescope.tasks.sequences import SequenceTask
from phasescope.training.engine import train
from phasescope.training.run import Run


@dataclass(frozen=True, eq=False)
class PhaseChanges:
    """What the study came to.

    Args:
        courses: How each run learnt, by cell and seed.
        evidence: The claims, judged: of each cell, then of digits, depth and context.
        page: The report.
        seconds: Wall time of everything, training included.
    """

    courses: Mapping[Cell, Mapping[int, Course]]
    evidence: Sequence[Evidence]
    page: Path
    seconds: float


def reproduce(
    seeds: Sequence[int] = (0, 1, 2),
    root: Path | str = "runs",
    *,
    cells: Sequence[Cell] = CELLS,
    circuits: bool = True,
    show: bool = True,
) -> PhaseChanges:
    """Train every cell at every seed, name the way each run learnt, and write the table and its figures.

    What is trained already is not trained again, and a run that was cut short goes on where it stopped.

    Args:
        seeds: Seeds of weights and data.
        root: Folder of runs; the report lies in ``phase_changes`` inside it.
        cells: Settings; all of them if left out.
        circuits: Whether to go on to what the losses alone do not show: the digits of addition one by
            one, one layer against two, and in-context learning.
        show: Whether to print progress and the table.

    Returns:
        Courses, evidence and the page; ``claims.json`` lies beside the page.
    """
    began = time.monotonic()
    runs = _train(cells, seeds, root, show)
    losses = {cell: {seed: _losses(run) for seed, run in by_seed.items()} for cell, by_seed in runs.items()}
    courses = {cell: {seed: one.course for seed, one in of.items()} for cell, of in losses.items()}
    by_cell = [
        judge(cell.claim, {seed: float(one.way == cell.claimed) for seed, one in of.items()})
        for cell, of in courses.items()
    ]
    sections, further = [], []
    if circuits:
        digits = {seed: _digits(seed, root, show) for seed in seeds}
        depth, context = depth_runs(seeds, root, show), context_runs(seeds, root, show)
        sections = [digits_section(digits), depth_section(depth), context_section(context)]
        if few := {
            cell.name: of for cell, of in runs.items() if cell.task == ADDITION and cell.data != UNLIMITED
        }:
            sections.insert(1, limited_digits_section(few))
        further = _judged({"digits": digits}, depth, context)
    page = write_report(Path(root) / "phase_changes", seeds, losses, by_cell, sections, further)
    evidence, seconds = [*by_cell, *further], time.monotonic() - began
    if show:
        print_claims(evidence)
        for row in rows(losses, by_cell):
            print("  ".join(row))
        print(f"report: {page}\nwall time: {seconds / 60:.1f} minutes")
    return PhaseChanges(courses, evidence, page, seconds)


def _train(
    cells: Sequence[Cell], seeds: Sequence[int], root: Path | str, show: bool
) -> dict[Cell, dict[int, Run]]:
    """Train one run after another: each is small, and takes one core."""
    recipes = [(cell, seed, cell.recipe(seed)) for seed in seeds for cell in cells]
    runs: dict[Cell, dict[int, Run]] = {cell: {} for cell in cells}
    total = sum(recipe.steps for *_, recipe in recipes)
    done, shown = 0, Progress(total, "steps") if show else None
    for cell, seed, recipe in recipes:
        runs[cell][seed] = train(recipe, root, show_progress=False, probe=digit_probe(recipe))
        done += recipe.steps
        if shown:
            shown.update(done, recipe.name)
    return runs


def _losses(run: Run) -> Losses:
    """The losses a run wrote down, and how it learnt."""
    written = run.metrics()
    train_loss, test_loss = (Series.of(*written[f"{side}_loss"]) for side in ("train", "test"))
    return Losses(train_loss, test_loss, course_of(train_loss, test_loss, _floor(run)))


def _digits(seed: int, root: Path | str, show: bool) -> Run:
    """Train addition on unlimited data, every digit looked at; the run of its cell, where that is trained."""
    recipe = digit_recipe(seed)
    return train(recipe, root, show_progress=show, probe=digit_probe(recipe))


def _judged(*kinds: Mapping[Any, Mapping[int, Run]]) -> list[Evidence]:
    """Hold every claim beyond the cells against the runs it is about, seed by seed."""
    written = {
        kind: {seed: run.metrics() for seed, run in by_seed.items()}
        for runs in kinds
        for kind, by_seed in runs.items()
    }
    return [
        judge(one.claim, {seed: float(one.holds(of)) for seed, of in written[one.of].items()})
        for one in FINDINGS
    ]


def _floor(run: Run) -> float:
    """Loss of the best predictor, nats; of counting pairs, on the same examples, for in-context bigrams."""
    task, split = run.recipe.task, run.recipe.split
    if isinstance(task, BigramTask) and isinstance(split, StreamSplit):
        tokens = split.test(run.sequences).tokens
        return float(posterior_loss(tokens, task.vocab, task.lag, task.concentration).mean())
    built = task.build()
    return (built.floor or 0.0) if isinstance(built, SequenceTask) else 0.0
