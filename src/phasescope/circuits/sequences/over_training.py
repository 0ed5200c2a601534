"""Which part appears with which phase change: ablations at every checkpoint, class by class."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.circuits.interventions import How
from phasescope.circuits.sequences.context import SequenceContext
from phasescope.circuits.sequences.effects import classes_of, part_effects
from phasescope.errors import PhasescopeError
from phasescope.models.series import CheckpointSeries
from phasescope.phases.abruptness import halfway
from phasescope.phases.changepoints import Break
from phasescope.phases.series import Series
from phasescope.tasks.sequences import Sequences

MOST_CLASSES = 6
"""A note of more values than this is cut into ranges."""
NEEDED = 0.1
"""A part serves a class if its ablation costs at least this share of right answers in the end."""
FEWEST = 3
"""Checkpoints that a halfway point needs."""


@dataclass(frozen=True, eq=False)
class PartsOverTraining:
    """What the ablation of every part costs each class of questions, over training.

    Args:
        steps: Steps of the checkpoints.
        parts: What was taken away.
        classes: Classes of questions.
        accuracy: Of each class in the untouched network.
        cost: Accuracy that the ablation of each part costs each class.
    """

    steps: Int64[np.ndarray, " step"]
    parts: tuple[str, ...]
    classes: tuple[str, ...]
    accuracy: Float64[np.ndarray, "step class"]
    cost: Float64[np.ndarray, "step part class"]


@dataclass(frozen=True)
class Appearance:
    """When a class of questions is learnt, and when a part comes to serve it.

    Args:
        name: The class.
        learnt: When its accuracy is halfway, between the checkpoints around it; None if it never is.
        part: A part that serves it in the end.
        cost: Accuracy that its ablation costs in the end.
        appears: When that cost is halfway; None if it never is for three checkpoints.
        apart: Checkpoints from the one to the other, negative if the part comes first; None if one is not.
    """

    name: str
    learnt: Break | None
    part: str
    cost: float
    appears: Break | None
    apart: int | None

    @property
    def together(self) -> bool:
        """Whether both are halfway at the same checkpoint, or at neighbouring ones."""
        return self.apart is not None and abs(self.apart) <= 1


def parts_over_training(
    series: CheckpointSeries,
    examples: Sequences,
    *notes: str,
    how: How = "resample",
    tick: Callable[[int, int], None] | None = None,
) -> PartsOverTraining:
    """Take every part away at every checkpoint.

    Accuracy and not loss is read: the loss that an ablation adds keeps growing with the logits after the
    network has long been right, and accuracy does not. What takes a part's place is what it wrote on another
    sequence: the mean of a head that says whether a carry comes in says the one or the other, as it happens,
    and from one checkpoint to the next all of the cost goes over from sums with a carry to sums without.

    Args:
        series: A run, or any other series of checkpoints.
        examples: What the network is asked.
        notes: The notes whose values are the classes, such as "digit".
        how: What takes a part's place.
        tick: Called after each checkpoint with how many are done and how many there are.

    Raises:
        PhasescopeError: If there are fewer than three checkpoints, or no such note.
    """
    steps = series.steps()
    if len(steps) < FEWEST:
        raise PhasescopeError(f"parts over training need {FEWEST} checkpoints; got {len(steps)}")
    found = []
    for done, step in enumerate(steps, 1):
        context = SequenceContext(series.model(step), examples)
        classes = classes_of(context, *notes, most=MOST_CLASSES)
        found.append(part_effects(context, classes, how=how, quantity="accuracy"))
        if tick:
            tick(done, len(steps))
    first = found[0]
    return PartsOverTraining(
        np.array(steps),
        first.parts,
        first.classes,
        np.stack([one.before for one in found]),
        np.stack([one.cost for one in found]),
    )


def appearances(over: PartsOverTraining) -> list[Appearance]:
    """Return for every class when it is learnt, and when each part that serves it in the end appears.

    Args:
        over: Costs over training.

    Returns:
        One record for each class and part that serves it, the most needed part first; none for a class that
        no part serves by itself.
    """
    found = []
    for column, name in enumerate(over.classes):
        learnt = _halfway(over.steps, over.accuracy[:, column])
        last = over.cost[-1, :, column]
        for row in np.argsort(-last):
            if last[row] < NEEDED:
                break
            appears = _halfway(over.steps, over.cost[:, row, column])
            both = [] if learnt is None or appears is None else [learnt.step, appears.step]
            places = np.searchsorted(over.steps, both)
            apart = int(places[1] - places[0]) if both else None
            found.append(Appearance(name, learnt, over.parts[row], float(last[row]), appears, apart))
    return found


def _halfway(steps: Int64[np.ndarray, " step"], rising: Float64[np.ndarray, " step"]) -> Break | None:
    return halfway(Series(steps, -rising))
