"""What an embedding MLP that multiplies in a group can and cannot do without: signs, order, cosets.

Every neuron sees a function of the left operand plus one of the right. The changes are made to these
functions, so that they are the same whether operands are embedded side by side or added.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from phasescope.algebra.cosets import coset_concentration
from phasescope.circuits.ablation import Logits, ablation
from phasescope.measures.concentration import largest_cosets
from phasescope.measures.context import Context
from phasescope.measures.record import EMBEDDING_MLP, GROUP, SUBGROUPS
from phasescope.models.activations import activate
from phasescope.models.config import Activation

_MLP = (GROUP, EMBEDDING_MLP)
_COSETS = (SUBGROUPS, EMBEDDING_MLP)


@ablation("stander2023 section 5: accuracy falls to 0", needs=_MLP)
def left_sign_flipped(context: Context) -> Logits:
    """What every neuron sees of the left operand has its sign flipped."""
    left, right = _operands(context)
    return _logits(context, -left, right)


@ablation("stander2023 section 5: accuracy falls to 0", needs=_MLP)
def right_sign_flipped(context: Context) -> Logits:
    """What every neuron sees of the right operand has its sign flipped."""
    left, right = _operands(context)
    return _logits(context, left, -right)


@ablation("stander2023 section 5, no number noted here", needs=_MLP)
def both_signs_flipped(context: Context) -> Logits:
    """What every neuron sees has its sign flipped."""
    left, right = _operands(context)
    return _logits(context, -left, -right)


@ablation("stander2023 section 5, no number noted here", needs=_MLP)
def operands_exchanged(context: Context) -> Logits:
    """Each operand is seen through the other's table."""
    left, right = _operands(context)
    return _logits(context, right, left)


@ablation("stander2023 section 5: accuracy stays at 100 %", needs=_MLP)
def neurons_absolute(context: Context) -> Logits:
    """Every neuron is the absolute value of what it sees."""
    left, right = _operands(context)
    return _logits(context, left, right, "absolute")


@ablation("stander2023: 126 of 128 networks on S5 do not change", needs=_COSETS)
def neurons_off_cosets_zero(context: Context) -> Logits:
    """Neurons that are not concentrated on cosets, by the published ratio of 1 or more, are set to zero."""
    ratio = coset_concentration(context.operand_tables.values, context.inputs.coset_partitions, "sum")
    kept = torch.tensor((ratio < 1).reshape(2, -1).all(axis=0))
    left, right = _operands(context)
    return _logits(context, left, right, kept=kept)


@ablation("ours: stander2023's circuit does not notice", needs=_COSETS)
def swapped_within_cosets(context: Context) -> Logits:
    """Each function is shuffled inside the largest cosets that hold 95 % of it; wholly if there are none."""
    found = largest_cosets(context.operand_tables.values, context.inputs)
    partitions = context.inputs.coset_partitions
    nothing = np.zeros(context.task.n_elements, dtype=np.int64)
    return _shuffled(context, [nothing if place < 0 else partitions[place] for place in found.place])


@ablation("ours: the control of swapped_within_cosets", needs=_COSETS)
def swapped_across_cosets(context: Context) -> Logits:
    """Each function is shuffled over the whole group."""
    values = context.operand_tables.values
    return _shuffled(context, [np.zeros(len(values), dtype=np.int64)] * values.shape[1])


def _operands(context: Context) -> tuple[Float64[Tensor, "g neuron"], Float64[Tensor, "g neuron"]]:
    """What every neuron sees of the left and of the right operand."""
    left, right = torch.tensor(context.operand_tables.values).chunk(2, dim=1)
    return left, right


def _shuffled(context: Context, partitions: Sequence[Int64[np.ndarray, " g"]]) -> Logits:
    """Shuffle each function inside the parts of its own partition, and return the logits."""
    values = context.operand_tables.values.copy()
    generator = np.random.default_rng(0)
    for column, partition in enumerate(partitions):
        # sorted by part, and inside a part in an order of its own
        order = np.argsort(partition, kind="stable")
        shuffled = np.lexsort((generator.random(len(partition)), partition))
        values[order, column] = values[shuffled, column]
    left, right = torch.tensor(values).chunk(2, dim=1)
    return _logits(context, left, right)


def _logits(
    context: Context,
    left: Float64[Tensor, "g neuron"],
    right: Float64[Tensor, "g neuron"],
    activation: Activation | None = None,
    kept: Bool[Tensor, " neuron"] | None = None,
) -> Logits:
    """The logits of all pairs when the neurons see these functions of their operands."""
    a, b = torch.tensor(context.task.pairs).unbind(1)
    neurons = activate(activation or context.model.config.activation, left[a] + right[b])
    return (neurons if kept is None else neurons * kept) @ context.W_L.T
