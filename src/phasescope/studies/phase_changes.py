"""Grokking = phase change + regularisation + limited data: the formula as a table over tasks."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from phasescope.evidence.claim import Evidence
from phasescope.evidence.claims_file import claims_to_json
from phasescope.evidence.verdict import judge
from phasescope.phases.formula import Course, course_of
from phasescope.phases.series import Series
from phasescope.progress import Progress
from phasescope.report.figures.courses import Losses, course_panels, tally
from phasescope.report.page import Page, Plate, Section
from phasescope.report.table import Table
from phasescope.report.terminal import print_claims
from phasescope.studies.phase_changes_cells import CELLS, Cell
from phasescope.studies.phase_changes_depth import depth_runs, depth_section
from phasescope.studies.phase_changes_digits import digit_run, digits_section
from phasescope.studies.whole_page import write_whole
from phasescope.training.engine import train
from phasescope.training.run import Run

REFERENCES = {
    "Progress measures for grokking via mechanistic interpretability (Nanda et al. 2023)": "https://arxiv.org/abs/2301.05217",
    "In-context Learning and Induction Heads (Olsson et al. 2022)": "https://arxiv.org/abs/2209.11895",
    "Hidden Progress in Deep Learning (Barak et al. 2022)": "https://arxiv.org/abs/2207.08799",
}
COLUMNS = ("task", "data", "decay", "claimed", "found", "fall or delay of the first seed", "verdict")


@dataclass(frozen=True, eq=False)
class PhaseChanges:
    """What the study came to.

    Args:
        courses: How each run learnt, by cell and seed.
        evidence: The claim of each cell, judged.
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
        circuits: Whether to go on to what the losses alone do not show: one layer against two, and the digits
            of addition one by one.
        show: Whether to print progress and the table.

    Returns:
        Courses, evidence and the page; ``claims.json`` lies beside the page.
    """
    began = time.monotonic()
    runs = _train(cells, seeds, root, show)
    losses = {cell: {seed: _losses(run) for seed, run in by_seed.items()} for cell, by_seed in runs.items()}
    courses = {cell: {seed: one.course for seed, one in of.items()} for cell, of in losses.items()}
    evidence = [
        judge(cell.claim, {seed: float(one.way == cell.claimed) for seed, one in of.items()})
        for cell, of in courses.items()
    ]
    further = []
    if circuits:
        further.append(depth_section(depth_runs(seeds, root, show)))
        further.append(digits_section({seed: digit_run(seed, root, show) for seed in seeds}))
    page = _write(Path(root) / "phase_changes", seeds, losses, evidence, further)
    seconds = time.monotonic() - began
    if show:
        print_claims(evidence)
        for row in _rows(courses, evidence):
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
        runs[cell][seed] = train(recipe, root, show_progress=False)
        done += recipe.steps
        if shown:
            shown.update(done, recipe.name)
    return runs


def _losses(run: Run) -> Losses:
    """The losses a run wrote down, and how it learnt."""
    written = run.metrics()
    train_loss, test_loss = (Series.of(*written[f"{side}_loss"]) for side in ("train", "test"))
    floor = run.sequences.floor or 0.0
    return Losses(train_loss, test_loss, course_of(train_loss, test_loss, floor))


def _rows(
    courses: Mapping[Cell, Mapping[int, Course]], evidence: Sequence[Evidence]
) -> list[tuple[str, ...]]:
    """The table: one row per cell."""
    rows: list[tuple[str, ...]] = []
    for (cell, of), judged in zip(courses.items(), evidence, strict=True):
        first = next(iter(of.values()))
        decay = "yes" if cell.decay else "no"
        rows.append(
            (cell.task, cell.data, decay, cell.claimed, tally(of.values()), _evidence(first), judged.verdict)
        )
    return rows


def _evidence(course: Course) -> str:
    """Steps of the change, with their intervals where there is a fall."""
    begins, ends = course.fall.begins, course.fall.ends
    if course.way == "phase change":
        return (
            f"falls from {begins.step:,} ({begins.low:,} to {begins.high:,}) "
            f"to {ends.step:,} ({ends.low:,} to {ends.high:,})"
        )
    return course.why


def _write(
    folder: Path,
    seeds: Sequence[int],
    losses: Mapping[Cell, Mapping[int, Losses]],
    evidence: Sequence[Evidence],
    further: Sequence[Section],
) -> Path:
    """Write the page, its figures and the evidence."""
    courses = {cell: {seed: one.course for seed, one in of.items()} for cell, of in losses.items()}
    sections = [
        Section(
            "The formula, as a table",
            "Each run is named by its losses alone (phases.formula); rule and claims were written "
            "before the runs. "
            "No claim says how much data is limited: where the larger amount is refuted, it is not limited. "
            "The smaller amounts were found by a search on seed 0 (LOG.md).",
            tables=[Table(COLUMNS, _rows(courses, evidence))],
        )
    ]
    for task in dict.fromkeys(cell.task for cell in losses):
        panels = {cell.name: list(of.values()) for cell, of in losses.items() if cell.task == task}
        figure = course_panels(panels, title=f"{task.capitalize()}: train and test loss of every setting")
        plate = Plate(
            task.replace(" ", "-"),
            figure,
            f"Train and test loss of {task} in {len(panels)} settings, on logarithmic axes.",
            "The tint is the fall of the first seed, where it is abrupt. Pale lines are the other seeds.",
        )
        sections.append(Section(task.capitalize(), plates=[plate]))
    sections += further
    counts = Counter(one.verdict for one in evidence)
    page = Page(
        title="Phase changes beyond modular arithmetic",
        summary=f"Seeds {', '.join(map(str, seeds))}. Of {len(evidence)} cells {counts['shown']} learn as "
        f"claimed in every seed, {counts['refuted']} in none, {counts['not shown']} in some.",
        evidence=evidence,
        sections=sections,
        command=f"phasescope reproduce phase_changes --seeds {','.join(map(str, seeds))}",
        references=REFERENCES,
    )
    path = folder / "report.html"
    write_whole(page, path, {"claims.json": claims_to_json(evidence).encode()})
    return path
