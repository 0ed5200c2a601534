"""Every hypothesis about circuits along sequences, and the call that weighs them."""

from typing import Any

from phasescope.circuits.hypothesis import Judgement
from phasescope.circuits.sequences import induction, virtual
from phasescope.circuits.sequences.context import SequenceContext
from phasescope.circuits.sequences.hypothesis import SequenceHypothesis

SEQUENCE_HYPOTHESES: dict[str, SequenceHypothesis[Any]] = {
    module.HYPOTHESIS.name: module.HYPOTHESIS for module in (induction, virtual)
}
"""By their exact names."""


def weigh_circuits(context: SequenceContext) -> dict[str, Judgement]:
    """Hold a network against every hypothesis that speaks of it.

    Args:
        context: The network and what it is asked.

    Returns:
        Name to verdict and evidence.

    Example:
        >>> import numpy as np
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> some = PredecessorTask().build().draw(np.random.default_rng(0), 100)
        >>> found = weigh_circuits(SequenceContext(virtual_head(10, 16), some))
        >>> {name: judgement.verdict for name, judgement in found.items()}
        {'virtual head': 'shown'}
    """
    return {
        name: hypothesis.judge(context)
        for name, hypothesis in SEQUENCE_HYPOTHESES.items()
        if hypothesis.speaks_of(context)
    }
