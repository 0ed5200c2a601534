"""Where along a sequence the loss is: by position, by digit, by carry, and what the context gains."""

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.errors import PhasescopeError
from phasescope.models.model import Model
from phasescope.tasks.sequences import Sequences


def losses(model: Model, examples: Sequences) -> Float64[Tensor, "n pos"]:
    """Return the cross-entropy of every asked position, in nats; NaN where nothing is asked.

    Args:
        model: The network.
        examples: What it is asked.

    Example:
        >>> import numpy as np
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> some = PredecessorTask(n_ctx=5).build().draw(np.random.default_rng(0), 4)
        >>> bool((losses(virtual_head(10, 5), some)[:, -1] < 1e-7).all())
        True
    """
    with torch.no_grad():
        logits = model(torch.from_numpy(examples.tokens)).double()
    targets = torch.from_numpy(examples.targets)
    found = torch.nn.functional.cross_entropy(logits.mT, targets.clamp_min(0), reduction="none")
    return found.masked_fill(targets < 0, torch.nan)


def loss_by(model: Model, examples: Sequences, note: str) -> dict[int, float]:
    """Mean loss by what a note says: by digit, by carry coming in, by length of the carry chain.

    Args:
        model: The network.
        examples: What it is asked.
        note: Name of the note.

    Returns:
        Value of the note to loss in nats, rising; only values that occur.

    Raises:
        PhasescopeError: If the examples have no such note.

    Example:
        >>> import numpy as np
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> some = PredecessorTask(n_ctx=5).build().draw(np.random.default_rng(0), 40)
        >>> list(loss_by(virtual_head(10, 5), some, "distance"))
        [1, 2, 3]
    """
    if note not in examples.notes:
        raise PhasescopeError(
            f"these examples have the notes {', '.join(examples.notes) or '(none)'}; got {note}"
        )
    values, found = torch.from_numpy(examples.notes[note]), losses(model, examples)
    asked = torch.from_numpy(examples.asked) & (values >= 0)
    present = sorted(set(values[asked].tolist()))
    return {value: found[asked & (values == value)].mean().item() for value in present}


def in_context_learning_score(
    model: Model, examples: Sequences, late: tuple[int, int], early: tuple[int, int]
) -> float:
    """Loss late in the context less loss early in it, in nats; below 0 where the context helps.

    The published score is the loss at token 500 less that at token 50. Contexts here are shorter, so both
    ends are ranges of positions: ``(500, 501)`` and ``(50, 51)`` give the published one.

    Args:
        model: The network.
        examples: What it is asked.
        late: First position that counts as late, and the one after the last.
        early: First position that counts as early, and the one after the last.

    Raises:
        PhasescopeError: If nothing is asked in one of them.

    References:
        olsson2022: in-context learning score.
    """
    found = losses(model, examples)
    ends = [found[:, slice(*stretch)].nanmean().item() for stretch in (late, early)]
    if any(end != end for end in ends):
        raise PhasescopeError(f"an in-context-learning score needs answers at {late} and {early}")
    return ends[0] - ends[1]
