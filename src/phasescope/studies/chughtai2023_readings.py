"""Everything one run says about the claims on groups: irreps, cosets, and the order of learning."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from phasescope.circuits.ablation import Logits
from phasescope.circuits.ablations import ABLATIONS
from phasescope.circuits.hypothesis import Judgement
from phasescope.circuits.known_hypotheses import weigh_hypotheses
from phasescope.errors import RunInUse
from phasescope.measures.context import Context
from phasescope.measures.measure import MEASURES, measure
from phasescope.measures.record import Value
from phasescope.measures.series import measure_series
from phasescope.phases.series import Series
from phasescope.training.run import Run

LEARNT = 0.05
"""An irrep is learnt at the first checkpoint at which the logits' similarity to it is above this (the
authors' rule)."""

MOST_CHECKPOINTS = 50
"""Checkpoints at which irreps are followed; more are thinned out evenly."""

Tick = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Reading:
    """What one run says.

    Args:
        run: The run.
        context: Its last checkpoint.
        similarities: Logit similarity of every irrep over training, by irrep.
        measured: Every measure of groups at the last checkpoint.
        accuracies: Accuracy over all pairs after each intervention that applies.
        judgements: Representation and coset, with their evidence.
    """

    run: Run
    context: Context
    similarities: Mapping[str, Series]
    measured: Mapping[str, Value]
    accuracies: Mapping[str, float]
    judgements: Mapping[str, Judgement]

    @property
    def order(self) -> dict[str, int]:
        """The step at which each key irrep was learnt, in that order; one that never was is left out."""
        return learnt_at({name: self.similarities[name] for name in self.context.key_irreps})

    @property
    def step(self) -> int:
        """The step of its last checkpoint."""
        return self.run.steps()[-1]

    @property
    def is_finished(self) -> bool:
        """Whether the run went all its recipe's steps; claims are about such runs."""
        return self.run.status.state == "finished"

    def quantity(self, name: str) -> float | None:
        """Return what a claim's quantity names, the network left out; None where this run has no such thing.

        Args:
            name: ``measure:NAME[.KEY]``, ``accuracy:ABLATION``, ``order:IRREP`` or ``shown:HYPOTHESIS``.
        """
        kind, _, rest = name.partition(":")
        match kind:
            case "measure":
                rest, _, key = rest.partition(".")
                value = self.measured.get(rest)
                if isinstance(value, dict):
                    value = {str(k): number for k, number in value.items()}.get(key)
                return value if isinstance(value, float) else None
            case "accuracy":
                return self.accuracies.get(rest)
            case "order":
                return float([*self.order, rest].index(rest) + 1)  # never learnt is after all others
            case _:
                assert kind == "shown", f"nobody supplies {name}"
                found = self.judgements.get(rest)
                return None if found is None else float(found.verdict == "shown")


def learnt_at(similarities: Mapping[str, Series]) -> dict[str, int]:
    """Return the step at which each irrep was learnt: the first at which its similarity is above 0.05.

    Args:
        similarities: Logit similarity over training, by irrep.

    Returns:
        Steps in rising order; an irrep that stays below is left out.

    Example:
        >>> learnt_at({"(4,1)": Series.of([0, 10, 20], [0, 0, 0.5]), "sign": Series.of([0, 10], [0, 0.1])})
        {'sign': 10, '(4,1)': 20}
    """
    steps = {
        name: int(series.steps[(series.values > LEARNT).argmax()])
        for name, series in similarities.items()
        if (series.values > LEARNT).any()
    }
    return dict(sorted(steps.items(), key=lambda item: item[1]))


def followed_irreps(run: Run, tick: Tick | None = None) -> dict[str, Series]:
    """Return the logits' similarity to each irrep over training, and write it beside the run's own series.

    Args:
        run: A run that multiplies in a group.
        tick: Called after each checkpoint with how many are done and how many there are.
    """
    steps = run.steps()
    followed = sorted({*steps[:: -(-len(steps) // MOST_CHECKPOINTS)], steps[-1]})
    found = measure_series(
        run, run.task, run.split, ["irrep_logit_similarity"], steps=followed, progress=tick
    )
    with suppress(RunInUse):  # a run that still trains is read, and not written to
        run.keep(found.points)
    return {name.partition(".")[2]: Series.of(*points) for name, points in found.points.items()}


def read_run(run: Run, tick: Tick | None = None) -> Reading:
    """Read everything off a run.

    Args:
        run: A run of the recipe of chughtai2023, or any that multiplies in a group.
        tick: Called after each checkpoint with how many are done and how many there are.

    Returns:
        The reading, with the key irreps of its last checkpoint.
    """
    similarities = followed_irreps(run, tick)
    context = Context(run.model(run.steps()[-1]), run.task, run.split)
    names = [name for name in MEASURES if name.startswith(("irrep_", "coset_")) or name == "key_irreps"]
    names = [name for name in [*names, "test_loss", "accuracy"] if MEASURES[name].unmet(context) is None]
    changes = {
        name: change
        for name, change in ABLATIONS.items()
        if change.function.__module__.endswith("group_interventions") and change.unmet(context) is None
    }
    wanted = [name for name in ("representation", "coset") if context.inputs.p is None]
    return Reading(
        run,
        context,
        similarities,
        measure(context, names),
        {name: _accuracy(context, change.function(context)) for name, change in changes.items()},
        weigh_hypotheses(context, wanted),
    )


def _accuracy(context: Context, logits: Logits) -> float:
    return float((logits.argmax(1) == context.inputs.answers).double().mean())
