"""A run as plain data for its page: state, series, phases, evidence; all of it read-only."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Evidence
from phasescope.evidence.claims_file import claims_from_json
from phasescope.phases.abruptness import abrupt_phases
from phasescope.phases.grokking import grokking_phases
from phasescope.phases.series import Series
from phasescope.phases.stretches import Phases
from phasescope.store.lock import is_locked
from phasescope.store.metrics import DeclaredMeasure, read_measures, read_metrics
from phasescope.store.run_folder import RunFolder, steps_in
from phasescope.store.status import Status, read_status
from phasescope.viewer.arrays import Points, packed, reduced

SCALES = {"log", "linear"}
_FAMILY = re.compile(r"([^.]+)\.\{(\w+)\}")
"""How a number per frequency, head, irrep ... is declared: ``excluded_loss.{frequency}``."""


def recipe_of(folder: RunFolder) -> dict[str, Any]:
    """Return a run's recipe as plain data; empty if it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> recipe_of(RunFolder(Path("no-such-run")))
        {}
    """
    try:
        recipe = json.loads(folder.recipe_json())
    except (OSError, ValueError):
        return {}
    return recipe if isinstance(recipe, dict) else {}


def status_of(folder: RunFolder) -> Status:
    """Return a run's status; a run that says it trains and has no writer was interrupted."""
    status = read_status(folder)
    if status.state == "training" and not is_locked(folder):
        return status.model_copy(update={"state": "interrupted"})
    return status


def evidence_of(folder: RunFolder) -> tuple[Evidence, ...]:
    """Return what was judged of a run; nothing where no claims were."""
    try:
        return claims_from_json(folder.claims.read_text(encoding="utf-8"), str(folder.claims))
    except FileNotFoundError:
        return ()


def run_record(folder: RunFolder, run_id: str) -> dict[str, Any]:
    """Return what changes seldom of a run: its name, recipe and evidence.

    Args:
        folder: The run's.
        run_id: How the page asks for it.
    """
    return {
        "id": run_id,
        "name": folder.path.absolute().name,
        "recipe": flat_recipe(recipe_of(folder)),
        "evidence": [_evidence_row(one) for one in evidence_of(folder)],
    }


def state_record(folder: RunFolder) -> dict[str, Any]:
    """Return how far a run is, and which checkpoints it has."""
    status = status_of(folder)
    steps = steps_in(folder.checkpoints)
    return {
        "state": status.state,
        "outcome": status.outcome or "",
        "step": max(status.step, *steps[-1:], 0),
        "steps": status.steps,
        "checkpoints": list(steps),
    }


def read_series(folder: RunFolder, after: int = -1) -> dict[str, Points]:
    """Return a run's logged metrics by name, those later than a step."""
    return read_metrics(folder.metrics, after)


def series_records(folder: RunFolder, series: Mapping[str, Points]) -> list[dict[str, Any]]:
    """Write series as plain data for the page, with what they were declared to be.

    Args:
        folder: The run's.
        series: Steps and values by name; thinned to some thousand points, extremes kept.
    """
    declared, records = read_measures(folder.metrics), []
    families = {
        found[1]: (measure, found[2])
        for name, measure in declared.items()
        if (found := _FAMILY.fullmatch(name))
    }
    for name, points in sorted(series.items()):
        steps, values = reduced(points)
        measure, per = families.get(name.partition(".")[0], (DeclaredMeasure(name), ""))
        measure = declared.get(name, measure)
        records.append(
            {
                "name": name,
                "symbol": measure.symbol,
                "unit": measure.unit,
                "per": per,
                "scale": measure.scale if measure.scale in SCALES else "linear",
                "steps": packed(steps, "f8"),
                "values": packed(values, "f8"),
                "n": len(points[0]),
            }
        )
    return records


def phase_records(series: Mapping[str, Points], sudden: bool = True) -> list[dict[str, Any]]:
    """Cut a run into its phases: of grokking, or else around the one sudden fall of its test loss.

    The rules are those of ``phases.grokking`` and ``phases.abruptness``.

    Args:
        series: ``train_loss`` and ``test_loss``; ``sum_squared_weights`` and ``excluded_loss_all_keys``
            where they are known.
        sudden: Whether to look for one sudden fall where nothing groks, which takes up to a second.

    Returns:
        Name, first and last step of each stretch, and the rule by which it ends; none where there are none.

    Example:
        >>> phase_records({})
        []
    """
    known = {name: Series(*points) for name, points in series.items() if len(points[0])}
    if "train_loss" not in known or "test_loss" not in known:
        return []
    try:
        phases = grokking_phases(
            known["train_loss"],
            known["test_loss"],
            sum_squared_weights=known.get("sum_squared_weights"),
            excluded_loss=known.get("excluded_loss_all_keys"),
        )
        if sudden and not phases.stretches:
            phases = abrupt_phases(known["test_loss"])
    except PhasescopeError:  # too few looks to cut
        return []
    return list(_stretches(phases))


def _stretches(phases: Phases) -> Iterator[dict[str, Any]]:
    for i, stretch in enumerate(phases.stretches):
        rule = phases.boundaries[i].rule if i < len(phases.boundaries) else ""
        yield {"name": stretch.name, "start": stretch.start, "end": stretch.end, "ends": rule}


def flat_recipe(recipe: Mapping[str, Any]) -> list[list[str]]:
    """Return every value of a recipe as text, under its dotted name.

    Example:
        >>> flat_recipe({"seed": 0, "task": {"kind": "modular"}})
        [['seed', '0'], ['task.kind', 'modular']]
    """
    return [[key, _said(value)] for key, value in _flat(recipe)]


def _flat(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Every value of nested records under its dotted name."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{above}{key}.")
        else:
            yield f"{above}{key}", inner


def _said(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _evidence_row(evidence: Evidence) -> dict[str, str]:
    claim = evidence.claim
    return {
        "statement": claim.statement,
        "source": claim.source,
        "published": _number(claim.published),
        "measured": _number(evidence.measured),
        "unit": claim.unit,
        "verdict": evidence.verdict,
    }


def _number(value: object) -> str:
    """A number with four digits, a list as it is, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_number, value))
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
