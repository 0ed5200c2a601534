"""Excluded loss: what the network loses on its training pairs when it may not add on circles.

A frequency's part of the logits, their projection on cos(w_k(a+b)) and sin(w_k(a+b)), is subtracted; what is
left is what was memorised. As published, the directions are fitted on all pairs, so that logits of held-out
pairs enter a number that is read on training pairs; the ``train_fit`` variants fit on the training pairs
alone. Nothing is added back.

What is subtracted depends on a pair through a+b alone. The exponentials of the logits are therefore taken
once, and every frequency costs a small matrix product.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.algebra.fourier import frequencies, rows_of
from phasescope.measures.context import Context
from phasescope.measures.cross_entropy import cross_entropies
from phasescope.measures.record import KEYS, SUMS, measured_loss
from phasescope.measures.spectrum import sums_by

LARGEST_EXPONENT = 600.0
"""Beyond this spread, products of exponentials would leave the range of float64."""


@measured_loss("excluded loss", direction="higher", per="frequency", needs=(SUMS,), in_series=True)
def excluded_loss(context: Context) -> dict[int, float]:
    """Train loss of the logits less their part in one frequency, for every frequency 1 .. p//2."""
    ks = frequencies(context.p)
    removed = _parts(context, [[k] for k in ks])
    return dict(zip(ks, _train_losses_without(context, removed), strict=True))


@measured_loss("excluded loss (all keys)", direction="higher", needs=(SUMS, KEYS), in_series=True)
def excluded_loss_all_keys(context: Context) -> float:
    """Train loss of the logits less their parts in all key frequencies at once (figure 7)."""
    return _train_losses_without(context, _parts(context, [context.keys]))[0]


@measured_loss("excluded loss (fit on train)", direction="higher", per="frequency", needs=(SUMS,))
def excluded_loss_train_fit(context: Context) -> dict[int, float]:
    """Excluded loss with each frequency's part fitted by least squares on the training pairs alone."""
    ks = frequencies(context.p)
    removed = _parts_fitted_on_train(context, [[k] for k in ks])
    return dict(zip(ks, _train_losses_without(context, removed), strict=True))


@measured_loss("excluded loss (all keys, fit on train)", direction="higher", needs=(SUMS, KEYS))
def excluded_loss_all_keys_train_fit(context: Context) -> float:
    """Excluded loss of all keys at once, their parts fitted together on the training pairs alone."""
    return _train_losses_without(context, _parts_fitted_on_train(context, [context.keys]))[0]


@measured_loss("largest excluded loss", direction="higher", needs=(SUMS,))
def excluded_loss_max(context: Context) -> float:
    """The largest excluded loss of any single frequency: needs no key frequencies (a footnote's variant)."""
    return max(excluded_loss(context).values())


@measured_loss("excluded loss (cube)", direction="higher", per="frequency", needs=(SUMS,))
def excluded_loss_cube(context: Context) -> dict[int, float]:
    """Excluded loss that subtracts only the component along cos(w_k(a+b-c)) over pairs and answers.

    The notebook's three-dimensional variant: one direction of the cube, not two of the pairs.
    """
    ks = frequencies(context.p)
    removed = []
    for k in ks:
        rows = _rows(context, [k])
        cosine = rows.T @ rows  # a multiple of cos(w_k(s - c))
        removed.append(cosine * (cosine * context.logits_by_sum).sum() / cosine.square().sum())
    return dict(zip(ks, _train_losses_without(context, torch.stack(removed)), strict=True))


def _parts(context: Context, groups: Iterable[Iterable[int]]) -> Float64[Tensor, "group residue answer"]:
    """For each group of keys the logits' projection on its directions over all pairs, as a table over a+b."""
    rows = [_rows(context, group) for group in groups]
    return torch.stack([kept.T @ (kept @ context.logits_by_sum) for kept in rows])


def _parts_fitted_on_train(
    context: Context, groups: Iterable[Iterable[int]]
) -> Float64[Tensor, "group residue answer"]:
    """For each group of keys the least-squares fit of the training logits by its directions, over a+b."""
    inputs = context.inputs
    assert inputs.sums is not None, "only where the task adds"
    sums = inputs.sums[inputs.train]
    counts = torch.bincount(sums, minlength=context.p)
    total = sums_by(context.logits[inputs.train], sums, context.p)
    parts = []
    for group in groups:
        kept = _rows(context, group)
        gram: Tensor = torch.linalg.pinv((kept * counts) @ kept.T, hermitian=True)
        parts.append(kept.T @ (gram @ (kept @ total)))
    return torch.stack(parts)


def _rows(context: Context, keys: Iterable[int]) -> Float64[Tensor, "component residue"]:
    """The Fourier rows of some keys."""
    return context.inputs.basis[[row for key in keys for row in rows_of(context.p, key)]]


def _train_losses_without(
    context: Context, removed: Float64[Tensor, "removal residue answer"]
) -> list[float]:
    """Train losses of the logits less each table over a+b, one table at a time."""
    inputs = context.inputs
    assert inputs.sums is not None, "only where the task adds"
    # training pairs in the order of a+b, so that those which lose the same row stand together
    sums, order = inputs.sums[inputs.train].sort()
    rows = inputs.train[order]
    logits, answers = context.logits[rows], inputs.answers[rows]
    spread = (logits.amax(1) - logits.amin(1)).max() + 2 * removed.abs().max()
    if spread > LARGEST_EXPONENT:
        return [float(cross_entropies(logits - table[sums], answers).mean()) for table in removed]
    factors = (-removed).exp()
    others = (logits - logits.amax(1, keepdim=True)).exp()
    right = others.gather(1, answers[:, None]) * factors[:, sums, answers].T
    others.scatter_(1, answers[:, None], 0.0)
    blocks = torch.split(others, torch.bincount(sums, minlength=context.p).tolist())
    wrong = torch.cat([block @ factors[:, s].T for s, block in enumerate(blocks)])
    return [float(mean) for mean in (wrong / right).log1p().mean(0)]
