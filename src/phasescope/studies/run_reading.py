"""Everything one run says: measures through training and at its end, phases, ablations."""

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from phasescope.circuits.ablations import ablate
from phasescope.errors import RunInUse
from phasescope.evidence.verdict import Measured
from phasescope.measures.context import Context
from phasescope.measures.measure import measure
from phasescope.measures.record import Value
from phasescope.measures.series import declarations, measure_series
from phasescope.phases.grokking import grokking_phases
from phasescope.phases.series import Series
from phasescope.phases.stretches import Phases
from phasescope.progress import Progress
from phasescope.training.machine import tune
from phasescope.training.run import Run

Tick = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Reading:
    """What one run says.

    Args:
        run: The run.
        context: Its last checkpoint, with the key frequencies found there; none where the task has none.
        series: Measures over training, by name.
        phases: Its stretches.
        measured: Every measure of the last checkpoint.
        ablations: Loss over all pairs after each intervention, by its name.
    """

    run: Run
    context: Context
    series: Mapping[str, Series]
    phases: Phases
    measured: Mapping[str, Value]
    ablations: Mapping[str, float]

    @property
    def keys(self) -> tuple[int, ...]:
        """The key frequencies; empty where there are none, or the task has no frequencies."""
        return self.context.key_frequencies or ()

    def quantity(self, name: str) -> Measured | None:
        """Return what a claim's quantity names; None where this run has no such thing.

        Args:
            name: ``measure:NAME[.KEY]``, ``ablation:NAME[.KEY]``, ``phase:STRETCH``, ``peak:SERIES`` or
                ``algebra:NAME``.
        """
        kind, _, rest = name.partition(":")
        match kind:
            case "measure":
                return self._measure(rest)
            case "ablation":
                return self.ablations.get(rest)
            case "phase":
                end = self.phases.end_of(rest)
                return None if end is None else end.step
            case "peak":
                series = self.series[rest]
                return int(series.steps[series.values.argmax()])
            case _:
                assert name == "algebra:cos_14_8", f"nobody supplies {name}"
                return math.cos(2 * math.pi * 14 * 8 / 113)

    def _measure(self, name: str) -> Measured | None:
        name, _, key = name.partition(".")
        if name.startswith("n_key_frequencies"):
            return len(_as_list(self.measured[name.removeprefix("n_")]))
        if name == "attention_frequencies":
            return sorted({int(k) for k in _as_dict(self.measured["attention_frequency"]).values()})
        value = self.measured.get(name)
        if isinstance(value, list):
            return _as_list(value)
        if value is None or isinstance(value, float | int):
            return value
        numbers = {str(k): float(number) for k, number in value.items()}
        ranked = sorted(numbers.values(), reverse=True)
        if key in ("largest", "smallest"):
            return ranked[0 if key == "largest" else -1]
        if key in _RANKS:
            return dict(zip(_RANKS, ranked, strict=False)).get(key)  # not every network has four heads
        return numbers.get(key)


def read_run(run: Run, tick: Tick | None = None) -> Reading:
    """Read everything off a run, whatever its task and network: what does not apply is left out.

    Args:
        run: A run with at least one checkpoint.
        tick: Called after each checkpoint with how many are done and how many there are.

    Returns:
        The reading.

    Raises:
        PhasescopeError: If there is no checkpoint yet.
    """
    task, split, written = run.task, run.split, run.metrics()
    found = measure_series(run, task, split, progress=tick)
    series = {name: Series.of(*points) for name, points in found.points.items()}
    # the log has the first hundred steps one by one, the checkpoints have not
    series |= {name: Series.of(*written[name]) for name in ("train_loss", "test_loss") if name in written}
    context = Context(run.model(run.steps()[-1]), task, split, found.keys)
    phases = Phases((), ())
    if "test_loss" in series:
        phases = grokking_phases(
            series["train_loss"],
            series["test_loss"],
            sum_squared_weights=series["sum_squared_weights"],
            excluded_loss=series.get("excluded_loss_all_keys"),
        )
    return Reading(run, context, series, phases, measure(context), ablate(context))


def read_and_keep(run: Run, *, show: bool) -> Reading:
    """Read everything off a run, and write the measured series beside those of its training.

    Args:
        run: A run with at least one checkpoint.
        show: Whether to show progress.

    Returns:
        The reading.

    Raises:
        PhasescopeError: If there is no checkpoint yet.
    """
    tune(run.recipe.threads)
    shown = Progress(len(run.steps()), "checkpoints measured") if show else None
    with shown or nullcontext():
        reading = read_run(run, tick=lambda done, _: shown.update(done) if shown else None)
    with suppress(RunInUse):  # a run that still trains is read, and not written to
        measured = {name: (series.steps, series.values) for name, series in reading.series.items()}
        run.keep(measured, declarations(measured))
    return reading


_RANKS = ("first", "second", "third", "fourth")


def _as_list(value: Value) -> list[int]:
    assert isinstance(value, list), "a measure of key frequencies gives a list"
    return [int(k) for k in value]


def _as_dict(value: Value) -> dict[int, float] | dict[str, float]:
    assert isinstance(value, dict), "a measure by head gives a dictionary"
    return value
