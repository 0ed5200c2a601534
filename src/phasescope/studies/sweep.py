"""A sweep from top to bottom: its recipes, their runs, one table, one diagram, one page."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from phasescope.errors import PhasescopeError
from phasescope.evidence.survival import Censored, kaplan_meier
from phasescope.phases.outcome import Outcome, outcome_of
from phasescope.phases.regime import Regime, regime_of
from phasescope.report.figures.phase_diagram import Cell, phase_diagram
from phasescope.report.image import write_figure
from phasescope.report.page import Page, Plate, Section
from phasescope.report.table import Table
from phasescope.store.lock import RunLock
from phasescope.store.run_folder import RunFolder, run_name
from phasescope.store.table_file import read_column, write_table
from phasescope.studies.whole_page import write_whole
from phasescope.sweeps.config import Point, SweepConfig, read_sweep, sweep_from_data
from phasescope.sweeps.scheduler import Turn
from phasescope.training.ensemble import as_member, check_ways, train_members
from phasescope.training.recipe import Recipe
from phasescope.training.run import LOOKED_AT, Run
from phasescope.training.variation import sweep_recipes

_MOST_ROWS_ON_A_PAGE = 500


@dataclass(frozen=True, eq=False)
class Member:
    """One run of a sweep.

    Args:
        point: The values in which it differs from the others.
        run: The run, whatever its state.
        turn: How it went in this sweep.
        outcome: What it came to; None if it failed.
    """

    point: Point
    run: Run
    turn: Turn
    outcome: Outcome | None

    def number(self, name: str) -> float:
        """Return one of its own values as a number."""
        value = self.point[name]
        assert isinstance(value, int | float), f"{name} is no number"
        return float(value)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep came to.

    Args:
        config: What was asked.
        members: Every run, in the order of the points.
        folder: Where its table, diagram and page lie.
    """

    config: SweepConfig
    members: Sequence[Member]
    folder: Path

    @property
    def failed(self) -> list[Member]:
        """The members that did not come to their end."""
        return [member for member in self.members if member.turn.complaint]

    @cached_property  # every run's metrics are read for it
    def table(self) -> dict[str, list[Any]]:
        """One row a run: its own values, how it ended, and the last losses."""
        rows = [_row(member) for member in self.members]
        return {
            name: [row.get(name) for row in rows] for name in dict.fromkeys(n for row in rows for n in row)
        }


def sweep(
    study: SweepConfig | Mapping[str, Any] | Path | str,
    root: Path | str = "runs",
    *,
    ray: str = "",
    workers: int = 0,
    stacked: str = "",
    show: bool = True,
) -> Sweep:
    """Train every member of a sweep that is not finished, and write its table, its diagram and its page.

    The same study again trains only what is missing: members are found by the digest of their recipe, also
    when the grid has grown or a run was trained alone before.

    Args:
        study: A study file, its content, or the config.
        root: Folder of runs; on a cluster one that every node sees at the same path.
        ray: Address of a Ray cluster, "local" to start one; empty for one process a core here.
        workers: Runs at a time; 0 for one per core.
        stacked: A device on which the runs are trained as one network instead; see ``training.stacked``.
        show: Whether to show progress.

    Returns:
        Every member with its outcome; those that failed say why.

    Raises:
        PhasescopeError: If the study is not valid, or another one of its name has results there, before
            anything is made.
        RunInUse: If this sweep is running already.
    """
    config = _config(study)
    recipes = sweep_recipes(config)
    check_ways([recipe for _, recipe in recipes], workers, ray, stacked)
    folder = RunFolder(Path(root) / f"sweep-{config.name}")
    _refuse_another_study(folder.path, [recipe for _, recipe in recipes])
    folder.path.mkdir(parents=True, exist_ok=True)
    with RunLock(folder):
        members = train_points(recipes, root, ray=ray, workers=workers, stacked=stacked, show=show)
        found = Sweep(config, members, folder.path)
        for ending in ("csv", "parquet"):
            write_table(found.table, folder.path / f"results.{ending}")
        _write(found)
    return found


def _refuse_another_study(folder: Path, recipes: Sequence[Recipe]) -> None:
    """Leave the results of another study of the same name alone; a study may grow, and lose nothing."""
    table = folder / "results.csv"
    if not table.exists():
        return
    lost = set(read_column(table, "run")) - {
        run_name(member.name, member.digest) for member in map(as_member, recipes)
    }
    if lost:
        raise PhasescopeError(
            f"{table} holds runs that are not in this study: {len(lost)}, {min(lost)} among them; "
            "give the study another name, or move that folder away"
        )


def train_points(
    recipes: Sequence[tuple[Point, Recipe]],
    root: Path | str,
    *,
    ray: str = "",
    workers: int = 0,
    stacked: str = "",
    show: bool = True,
) -> list[Member]:
    """Train every recipe that is not finished and return what each came to; arguments as of ``sweep``."""
    trained = train_members(
        [recipe for _, recipe in recipes],
        root,
        workers=workers,
        ray=ray,
        stacked=stacked,
        show_progress=show,
    )
    together = zip(recipes, trained, strict=True)
    return [_member(point, Run(run), turn) for (point, _), (run, turn) in together]


def time_to_grok(outcome: Outcome) -> int | Censored:
    """Return the step at which test accuracy arrived, or the last one, censored, if it did not.

    Example:
        >>> str(time_to_grok(Outcome("not by", 5_000, 10, train_step=50)))
        'not by 5,000'
    """
    arrived = outcome.kind in ("grokked", "generalised at once")
    return outcome.step if arrived else Censored(outcome.step)


def _config(study: SweepConfig | Mapping[str, Any] | Path | str) -> SweepConfig:
    if isinstance(study, SweepConfig):
        return study
    return sweep_from_data(study) if isinstance(study, Mapping) else read_sweep(Path(study))


def _member(point: Point, run: Run, turn: Turn) -> Member:
    """Read how a run ended off what it wrote down."""
    status = run.status
    if (status.outcome or "").startswith("diverged"):  # its last loss is not finite, so it says so itself
        return Member(point, run, turn, Outcome("diverged", status.step, 0))
    finished = status.state == "finished"
    metrics = run.metrics() if finished else {}
    history = {
        name: list(zip(steps.tolist(), values.tolist(), strict=True))
        for name, (steps, values) in metrics.items()
        if name in LOOKED_AT
    }
    return Member(point, run, turn, outcome_of(history) if finished else None)


def _row(member: Member) -> dict[str, Any]:
    """One line of the table."""
    status, outcome = member.run.status, member.outcome
    row: dict[str, Any] = {"run": member.run.folder.path.name, **member.point, "state": status.state}
    row |= {
        "regime": None if outcome is None else regime_of(outcome),
        "outcome": member.turn.complaint or (outcome.text if outcome else status.state),
        "train_step": None if outcome is None else outcome.train_step,
        "test_step": None,
        "censored_at": None,
        "last_step": status.step,
        "attempts": max(status.sessions, member.turn.attempts) or None,
        "wall_seconds": float(status.wall_seconds),
    }
    when = None if outcome is None else time_to_grok(outcome)
    row["censored_at" if isinstance(when, Censored) else "test_step"] = (
        when.step if isinstance(when, Censored) else when
    )
    ends = {name: values[-1] for name, (_, values) in member.run.metrics().items() if len(values)}
    return row | {name: float(ends[name]) if name in ends else None for name in LOOKED_AT}


def _write(found: Sweep) -> None:
    """Write the page, with the diagram where there are two axes."""
    table, axes = found.table, found.config.axes()
    for old in found.folder.glob("phase-diagram.*"):  # of a study of this name with other axes
        old.unlink()
    n, failed = len(found.members), found.failed
    sections = []
    if axes is not None and any(member.outcome for member in found.members):
        regimes, medians = _cells(found.members, axes)
        figure = phase_diagram(regimes, axes, steps=medians)
        write_figure(figure, found.folder, "phase-diagram")
        alt = f"Regime of each run over {axes[0]} and {axes[1]}"
        caption = (
            "Where runs of one cell differ, each has its share of it. The number is the median step at which "
            "test accuracy arrived, runs in which it did not counted as later (Kaplan and Meier)."
        )
        sections.append(Section("Phase diagram", plates=[Plate("phase-diagram", figure, alt, caption)]))
    if failed:
        points = [f"{member.run.folder.path.name}: {member.turn.complaint}" for member in failed]
        sections.append(Section("Members that failed", points=points))
    columns = list(table)
    rows = zip(*table.values(), strict=True)
    texts = [tuple(map(_in_words, row)) for row in rows][:_MOST_ROWS_ON_A_PAGE]
    numbers = [name for name, values in table.items() if all(isinstance(v, int | float) for v in values)]
    more = f" The first {_MOST_ROWS_ON_A_PAGE} of {n}." if n > _MOST_ROWS_ON_A_PAGE else ""
    text = f"All of it lies beside this page as results.csv and results.parquet.{more}"
    sections.append(Section("Every member", text, tables=[Table(columns, texts, numbers)]))
    page = Page(
        title=f"Sweep {found.config.name}",
        summary=f"{n} runs, {n - len(failed)} complete, {len(failed)} failed.",
        sections=sections,
        provenance=found.members[0].run.folder.read_provenance(),
        references={"Towards understanding grokking (Liu et al. 2022)": "https://arxiv.org/abs/2205.10343"},
    )
    write_whole(page, found.folder / RunFolder(found.folder).report.name, {})


def _in_words(value: object) -> str:
    """A cell of the table on the page."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _cells(
    members: Sequence[Member], axes: tuple[str, str]
) -> tuple[dict[Cell, list[Regime]], dict[Cell, str]]:
    """Sort runs into the diagram's cells; values drawn at random are sorted into ten bins."""
    place = [_binned([member.point.get(axis) for member in members]) for axis in axes]
    regimes: dict[Cell, list[Regime]] = defaultdict(list)
    times: dict[Cell, list[int | Censored]] = defaultdict(list)
    for member, x, y in zip(members, *place, strict=True):
        if member.outcome is not None:
            regimes[x, y].append(regime_of(member.outcome))
            times[x, y].append(time_to_grok(member.outcome))
    medians = {cell: kaplan_meier(here).median for cell, here in times.items()}
    words = {cell: f"{median:,}" for cell, median in medians.items() if median is not None}
    return regimes, words


def _binned(values: Sequence[object], most: int = 16, bins: int = 10) -> list[float | str]:
    """Leave a few different values as they are; sort many numbers into bins of equal counts."""
    numbers = [float(v) for v in values if isinstance(v, int | float)]
    if len(set(values)) <= most or len(numbers) < len(values):
        return [v if isinstance(v, int | float | str) else str(v) for v in values]
    edges = np.quantile(numbers, np.linspace(0, 1, bins + 1))
    index = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, bins - 1)
    centres = {i: float(f"{np.median(np.array(numbers)[index == i]):.3g}") for i in set(index.tolist())}
    return [centres[i] for i in index.tolist()]
