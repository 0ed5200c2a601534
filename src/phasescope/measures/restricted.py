"""Restricted loss: what the network would lose if it did nothing but add on circles.

The logits are projected on cos(w_k(a+b)) and sin(w_k(a+b)) of the key frequencies: two directions of the
space of pairs per key, every output column kept. The result depends on a pair through a+b alone.

Other quantities go by this name and are not this one: the paper's text keeps the four products per key, the
TransformerLens demo restricts the neurons and drops the residual path, and chughtai2023 restricts the
neurons over all of a representation.
"""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from phasescope.algebra.fourier import rows_of
from phasescope.measures.context import Context
from phasescope.measures.cross_entropy import cross_entropies
from phasescope.measures.record import KEYS, SUMS, measured_loss


@measured_loss("restricted loss", direction="lower", needs=(SUMS, KEYS), in_series=True)
def restricted_loss(context: Context) -> float:
    """Loss over all pairs of the logits projected on the keys' directions, each column's mean kept.

    The variant that reproduces the paper's 5.54e-8.
    """
    return _loss(context, _logits(context, keep_mean=True), None)


@measured_loss("restricted loss (train)", direction="lower", needs=(SUMS, KEYS))
def restricted_loss_train(context: Context) -> float:
    """Restricted loss over the pairs trained on; directions and means still come from all pairs."""
    return _loss(context, _logits(context, keep_mean=True), context.inputs.train)


@measured_loss("restricted loss (no bias)", direction="lower", needs=(SUMS, KEYS))
def restricted_loss_no_bias(context: Context) -> float:
    """Restricted loss over all pairs without each column's mean: the bare projection."""
    return _loss(context, _logits(context, keep_mean=False), None)


def _logits(context: Context, keep_mean: bool) -> Float64[Tensor, "residue answer"]:
    """The restricted logits as a table over a+b, with or without each column's mean over all pairs."""
    rows = [row for key in context.keys for row in rows_of(context.p, key)]
    kept = context.inputs.basis[[0, *rows] if keep_mean else rows]
    return kept.T @ (kept @ context.logits_by_sum)


def _loss(
    context: Context, by_sum: Float64[Tensor, "residue answer"], rows: Int64[Tensor, " row"] | None
) -> float:
    """Mean cross-entropy of a table over a+b; equal pairs of (a+b, answer) are counted."""
    inputs = context.inputs
    assert inputs.sums is not None, "only where the task adds"
    codes = inputs.sums * context.p + inputs.answers
    distinct, counts = torch.unique(codes if rows is None else codes[rows], return_counts=True)
    losses = cross_entropies(by_sum[distinct // context.p], distinct % context.p)
    return float(losses @ counts.double() / counts.sum())
