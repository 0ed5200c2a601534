"""What every part of a network is for: what its ablation costs, by digit, by carry, by any note of a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from phasescope.circuits.interventions import How, stand_in
from phasescope.circuits.sequences.ablation import parts_of, without
from phasescope.circuits.sequences.context import Answers, SequenceContext
from phasescope.errors import PhasescopeError

Classes = Mapping[str, Bool[Tensor, " question"]]
"""Which questions belong to each class, by its name."""
Quantity = Literal["loss", "accuracy"]
"""Loss in nats, or the share of right answers."""

EVERY = "all questions"
"""The one class where no note sorts them."""

_NEURONS_AT_ONCE = 64


def classes_of(context: SequenceContext, *notes: str, most: int = 12) -> dict[str, Bool[Tensor, " question"]]:
    """Sort questions by what notes say of them.

    Args:
        context: What is asked.
        notes: Names of notes; with several, every combination that occurs is a class; with none, all are one.
        most: A note of more values than this is cut into a few ranges with about as many questions each.

    Returns:
        Name to questions, such as "digit 3" or "digit 3, carry_in 1"; questions of which a note says nothing
        are in no class.

    Raises:
        PhasescopeError: If the examples have no such note.

    Example:
        >>> from phasescope.models.build import build_model
        >>> from phasescope.models.config import Shape, TransformerConfig
        >>> from phasescope.tasks.addition import AdditionTask
        >>> shape = Shape(d_vocab=12, d_vocab_out=10, n_ctx=6)
        >>> model = build_model(TransformerConfig(d_model=8, n_heads=2, d_head=4, d_mlp=8), shape, seed=0)
        >>> some = AdditionTask(digits=1).build().draw(np.random.default_rng(0), 50)
        >>> list(classes_of(SequenceContext(model, some), "digit", "carry_in"))
        ['digit 0, carry_in 0', 'digit 0, carry_in 1', 'digit 1, carry_in 0']
    """
    classes = {EVERY: torch.ones(len(context.targets), dtype=torch.bool)}
    for note in notes:
        values = context.note(note)
        finer = {}
        for name, questions in classes.items():
            for low, high in _ranges(values[values >= 0], most):
                here = questions & torch.from_numpy((values >= low) & (values <= high))
                if here.any():
                    said = f"{note} {low}" if low == high else f"{note} {low}–{high}"
                    finer[said if name == EVERY else f"{name}, {said}"] = here
        classes = finer
    return classes


@dataclass(frozen=True, eq=False)
class Effects:
    """What ablations cost.

    Args:
        parts: What was taken away, one row each.
        classes: Classes of questions, one column each.
        cost: What the ablation of a part costs a class: loss that is added, or accuracy that is lost.
        before: Loss or accuracy of each class in the untouched network.
        quantity: Which of the two.
    """

    parts: tuple[str, ...]
    classes: tuple[str, ...]
    cost: Float64[np.ndarray, "part class"]
    before: Float64[np.ndarray, " class"]
    quantity: Quantity


def part_effects(
    context: SequenceContext, classes: Classes, *, how: How = "mean", quantity: Quantity = "loss"
) -> Effects:
    """Take every head and MLP away in turn and say what that costs each class of questions.

    Args:
        context: The network and what it is asked.
        classes: Classes of questions.
        how: What takes a part's place.
        quantity: Whether the cost is loss added or accuracy lost.

    References:
        quirke2023: which head serves which digit and carry, by ablation.

    Example:
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> some = PredecessorTask().build().draw(np.random.default_rng(0), 400)
        >>> context = SequenceContext(virtual_head(10, 16), some)
        >>> every = {"all": torch.ones(400, dtype=torch.bool)}
        >>> part_effects(context, every, how="zero").cost.round(3).tolist()  # ln 10
        [[2.303], [2.303]]
    """
    parts = parts_of(context)
    before = _read(context, context.logits, classes, quantity)
    after = np.stack([_read(context, without(context, [part], how), classes, quantity) for part in parts])
    cost = after - before if quantity == "loss" else before - after
    return Effects(tuple(map(str, parts)), tuple(classes), cost, before, quantity)


def neuron_effects(
    context: SequenceContext, classes: Classes, *, how: Literal["zero", "mean"] = "mean"
) -> Effects:
    """Take every neuron of the last MLP away in turn and say what loss that adds to each class of questions.

    Without a final layer norm the logits are linear in the last neurons, so that no further pass is needed.

    Args:
        context: A network with an MLP and without layer norm.
        classes: Classes of questions.
        how: What takes a neuron's place: nothing, or its mean over examples at the same position.

    Raises:
        PhasescopeError: If the network has no MLP or a layer norm.
    """
    config = context.model.config
    if not config.d_mlp or config.normalization != "none":
        raise PhasescopeError(f"single neurons need an MLP that no layer norm follows; got {context}")
    post = context.cache[context.model.neurons]
    missing = (post - stand_in(post, how))[context.asked]
    before = context.losses(context.logits)
    masks = torch.stack([classes[name] for name in classes]).double()
    shares = masks / masks.sum(1, keepdim=True)
    rows = []
    for first in range(0, config.d_mlp, _NEURONS_AT_ONCE):
        some = slice(first, first + _NEURONS_AT_ONCE)
        # neuron, question, answer: the logits less what the neuron wrote
        logits = context.logits - missing.T[some, :, None] * context.model.W_L.T.detach()[some, None, :]
        right = logits.gather(2, context.targets.expand(len(logits), -1)[..., None])[..., 0]
        rows.append((logits.logsumexp(-1) - right - before) @ shares.T)
    names = tuple(f"neuron {neuron}" for neuron in range(config.d_mlp))
    return Effects(names, tuple(classes), torch.cat(rows).numpy(), (shares @ before).numpy(), "loss")


def _read(
    context: SequenceContext, logits: Answers, classes: Classes, quantity: Quantity
) -> Float64[np.ndarray, " class"]:
    """Mean loss or accuracy of each class."""
    of_each = context.losses(logits) if quantity == "loss" else context.right(logits).double()
    return np.array([of_each[questions].mean().item() for questions in classes.values()])


def _ranges(values: np.ndarray, most: int) -> Sequence[tuple[int, int]]:
    """Cut the values that occur into single ones, or into four ranges where there are too many."""
    present, counts = np.unique(values, return_counts=True)
    if len(present) <= most:
        return [(int(value), int(value)) for value in present]
    quarter = np.minimum(4 * (counts.cumsum() - counts) // counts.sum(), 3)
    return [
        (int(present[quarter == which].min()), int(present[quarter == which].max()))
        for which in np.unique(quarter)
    ]
