"""Changes to the attention of a one-layer network at '=', the only place from which it reaches the answer."""

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.circuits.ablation import ADDED_POSITIONS, ONE_LAYER, Logits, ablation
from phasescope.circuits.interventions import stand_in
from phasescope.circuits.one_layer import logits_after_heads, scores_of_heads, written_by_heads
from phasescope.measures.context import Context
from phasescope.measures.record import EQUALS

_NEEDS = (ONE_LAYER, EQUALS, ADDED_POSITIONS)


@ablation("nanda2023 section 4.4: 24.3 (a variant that does not give it)", needs=_NEEDS)
def attention_zero(context: Context) -> Logits:
    """The heads write nothing."""
    return logits_after_heads(context, torch.zeros_like(_written(context)))


@ablation("nanda2023 section 4.4: 24.3 (a variant that does not give it)", needs=_NEEDS)
def attention_mean(context: Context) -> Logits:
    """What the heads write is replaced by its mean over all pairs."""
    return logits_after_heads(context, stand_in(_written(context), "mean"))


@ablation("no published number", needs=_NEEDS)
def attention_resample(context: Context) -> Logits:
    """What the heads write is replaced by what they write on another pair, drawn at random (seed 0)."""
    return logits_after_heads(context, stand_in(_written(context), "resample"))


@ablation("nanda2023 section 4.4: 19.1 (a variant that does not give it)", needs=_NEEDS)
def attention_skip_zero(context: Context) -> Logits:
    """The embedding of '=' does not go around the heads: the residual stream holds only what they write."""
    return logits_after_heads(context, _written(context), keep_skip=False)


@ablation("no published number", needs=_NEEDS)
def attention_pattern_halves(context: Context) -> Logits:
    """Every head attends to a and b by one half each and to '=' not at all."""
    return _with_left_share(context, torch.full_like(context.pattern[:, :, 0], 0.5))


@ablation("no published number", needs=_NEEDS)
def attention_pattern_mean(context: Context) -> Logits:
    """Every head's pattern is replaced by its mean over all pairs."""
    return _with_pattern(context, context.pattern.mean(0).expand_as(context.pattern))


@ablation("nanda2023 section 4.3: 2.41e-7 to 2.12e-7", needs=_NEEDS)
def attention_linear(context: Context) -> Logits:
    """Each head's attention to a is 1/2 + c (score of a - score of b), with its own least-squares slope c.

    The rest goes to b and nothing to '='.
    """
    difference = _score_difference(context)
    centred = context.pattern[:, :, 0] - 0.5
    slope = (difference * centred).sum(0) / difference.square().sum(0)
    return _with_left_share(context, 0.5 + slope * difference)


@ablation("nanda2023 section 4.3: 2.41e-7 to 2.12e-7 (a variant that does not give it)", needs=_NEEDS)
def attention_tangent(context: Context) -> Logits:
    """Each head's attention to a is 1/2 + 1/4 (score of a - score of b), the tangent of the sigmoid."""
    return _with_left_share(context, 0.5 + _score_difference(context) / 4)


def _score_difference(context: Context) -> Float64[Tensor, "pair head"]:
    """Score of a less score of b, as the answer position sees them; exactly f(a) - f(b)."""
    scores = scores_of_heads(context)
    a, b = context.model.shape.operand_positions
    return scores[:, :, a] - scores[:, :, b]


def _with_left_share(context: Context, share: Float64[Tensor, "pair head"]) -> Logits:
    """Attend to a by the given share and to b by the rest."""
    pattern = torch.zeros_like(context.pattern)
    a, b = context.model.shape.operand_positions
    pattern[:, :, a], pattern[:, :, b] = share, 1 - share
    return _with_pattern(context, pattern)


def _with_pattern(context: Context, pattern: Float64[Tensor, "pair head key"]) -> Logits:
    """Give '=' another pattern."""
    return logits_after_heads(context, written_by_heads(context, pattern))


def _written(context: Context) -> Float64[Tensor, "pair d_model"]:
    return written_by_heads(context, context.pattern)
