"""The report of the study of phase changes: the formula as a table, change points, a figure for each task."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from phasescope.evidence.claim import Evidence
from phasescope.evidence.claims_file import claims_to_json
from phasescope.phases.formula import Course
from phasescope.report.figures.courses import Losses, course_panels, tally
from phasescope.report.page import Page, Plate, Section
from phasescope.report.table import Table
from phasescope.studies.phase_changes_cells import UNLIMITED, Cell
from phasescope.studies.phase_changes_words import fall_in_words
from phasescope.studies.whole_page import write_whole

REFERENCES = {
    "Progress measures for grokking via mechanistic interpretability (Nanda et al. 2023)": "https://arxiv.org/abs/2301.05217",
    "In-context Learning and Induction Heads (Olsson et al. 2022)": "https://arxiv.org/abs/2209.11895",
    "Hidden Progress in Deep Learning (Barak et al. 2022)": "https://arxiv.org/abs/2207.08799",
}
COLUMNS = ("task", "data", "decay", "claimed", "found", "fall or delay of the first seed", "verdict")

CellLosses = Mapping[Cell, Mapping[int, Losses]]
"""The losses of every cell, by seed."""


def rows(losses: CellLosses, evidence: Sequence[Evidence]) -> list[tuple[str, ...]]:
    """Write the table of the formula, a row for each cell.

    Args:
        losses: Of every cell.
        evidence: The claim of each, judged, in the same order.
    """
    lines: list[tuple[str, ...]] = []
    for (cell, of), judged in zip(losses.items(), evidence, strict=True):
        courses = [one.course for one in of.values()]
        decay = "yes" if cell.decay else "no"
        lines.append(
            (cell.task, cell.data, decay, cell.claimed, tally(courses), _why(courses[0]), judged.verdict)
        )
    return lines


def write_report(
    folder: Path,
    seeds: Sequence[int],
    losses: CellLosses,
    evidence: Sequence[Evidence],
    further: Sequence[Section],
    found_further: Sequence[Evidence],
) -> Path:
    """Write the page, its figures and the evidence.

    Args:
        folder: Where to.
        seeds: All seeds that were run.
        losses: Of every cell.
        evidence: The claim of each cell, judged.
        further: What goes beyond the cells.
        found_further: The claims about that, judged.

    Returns:
        The page.
    """
    counts, others = (Counter(one.verdict for one in some) for some in (evidence, found_further))
    page = Page(
        title="Phase changes beyond modular arithmetic",
        summary=f"Seeds {', '.join(map(str, seeds))}. Of {len(evidence)} cells {counts['shown']} learn as "
        f"claimed in every seed, {counts['refuted']} in none, {counts['not shown']} in some."
        + (
            f" Of {len(found_further)} claims on digits, depth and context {others['shown']} hold in every "
            f"seed, {others['refuted']} in none, {others['not shown']} in some."
            if found_further
            else ""
        ),
        evidence=[*evidence, *found_further],
        sections=[_formula(losses, evidence), _change_points(losses), *_by_task(losses), *further],
        command=f"phasescope reproduce phase_changes --seeds {','.join(map(str, seeds))}",
        references=REFERENCES,
    )
    path = folder / "report.html"
    write_whole(page, path, {"claims.json": claims_to_json(page.evidence).encode()})
    return path


def _formula(losses: CellLosses, evidence: Sequence[Evidence]) -> Section:
    return Section(
        "The formula, as a table",
        "Each run is named by its losses alone (phases.formula); rule and claims were written "
        "before the runs. "
        "No claim says how much data is limited: where the larger amount is refuted, it is not limited. "
        "The smaller amounts were found by a search on seed 0 (LOG.md).",
        tables=[Table(COLUMNS, rows(losses, evidence))],
    )


def _change_points(losses: CellLosses) -> Section:
    """Where test loss falls, of every seed, for the cells that have (nearly) all the data."""
    plenty = {cell: of for cell, of in losses.items() if cell.claimed == "phase change"}
    lines = [
        (cell.task, "yes" if cell.decay else "no", str(seed), fall_in_words(one.course.fall))
        for cell, of in plenty.items()
        for seed, one in of.items()
    ]
    return Section(
        "Change points",
        "Where test loss begins to fall and where the fall ends, in steps, each with the interval of a "
        "profile likelihood (phases.changepoints); "
        f"data is {UNLIMITED}, and 95 % of the pairs for modular addition.",
        tables=[Table(("task", "decay", "seed", "fall of test loss"), lines, numbers=("seed",))],
    )


def _by_task(losses: CellLosses) -> list[Section]:
    """A figure for each task, a panel for each of its cells."""
    sections = []
    for task in dict.fromkeys(cell.task for cell in losses):
        panels = {cell.name: list(of.values()) for cell, of in losses.items() if cell.task == task}
        figure = course_panels(panels, title=f"{task.capitalize()}: train and test loss of every setting")
        plate = Plate(
            task.replace(" ", "-"),
            figure,
            f"Train and test loss of {task}, settings: {len(panels)}, on logarithmic axes.",
            "The tint is the fall of the first seed, where it is abrupt. Pale lines are the other seeds.",
        )
        sections.append(Section(task.capitalize(), plates=[plate]))
    return sections


def _why(course: Course) -> str:
    """Steps of the change, with their intervals where there is a fall."""
    return f"falls from {fall_in_words(course.fall)}" if course.way == "phase change" else course.why
