"""Restricted and excluded loss as chughtai2023 defines them: on neurons, by irreps of the product.

These are not the losses of nanda2023, which project the logits. Here the neurons, not centred, are projected
on the matrix elements of rho(ab) and mapped to logits by W_L alone: nothing is added back, no residual path
of a transformer is kept. What is restricted depends on a pair through its product only.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.measures.context import Context
from phasescope.measures.cross_entropy import cross_entropies
from phasescope.measures.record import GROUP, KEY_IRREPS, measured_loss

_CHUGHTAI = ("chughtai2023",)


@measured_loss("restricted loss (irreps)", direction="lower", references=_CHUGHTAI, needs=(GROUP, KEY_IRREPS))
def irrep_restricted_loss(context: Context) -> float:
    """Loss over all pairs of what W_L reads off the neurons' part in rho(ab) of the key irreps."""
    return _restricted(context, context.key_irreps)


@measured_loss("excluded loss (irreps)", direction="higher", references=_CHUGHTAI, needs=(GROUP, KEY_IRREPS))
def irrep_excluded_loss_all_keys(context: Context) -> float:
    """Train loss of what W_L reads off the neurons without their part in rho(ab) of the key irreps."""
    return _excluded(context, context.key_irreps)


@measured_loss(
    "restricted loss of irrep", direction="lower", per="irrep", references=_CHUGHTAI, needs=(GROUP,)
)
def irrep_restricted_loss_each(context: Context) -> dict[str, float]:
    """Loss over all pairs of what W_L reads off the neurons' part in rho(ab) of one irrep, for each."""
    return {name: _restricted(context, [name]) for name in context.inputs.irreps}


@measured_loss(
    "excluded loss of irrep", direction="higher", per="irrep", references=_CHUGHTAI, needs=(GROUP,)
)
def irrep_excluded_loss(context: Context) -> dict[str, float]:
    """Train loss of what W_L reads off the neurons without rho(ab) of one irrep, for every irrep."""
    return {name: _excluded(context, [name]) for name in context.inputs.irreps}


def _restricted(context: Context, names: Iterable[str]) -> float:
    logits = _part(context, names)[context.inputs.products]
    return float(cross_entropies(logits, context.inputs.answers).mean())


def _excluded(context: Context, names: Iterable[str]) -> float:
    train = context.inputs.train
    products = context.inputs.products[train]
    left = context.neurons[train] @ context.W_L.T - _part(context, names)[products]
    return float(cross_entropies(left, context.inputs.answers[train]).mean())


def _part(context: Context, names: Iterable[str]) -> Float64[Tensor, "g answer"]:
    """What W_L reads off the neurons' part in some irreps, for every product."""
    projections = context.inputs.irrep_projections
    both = torch.stack([projections[name] for name in names]).sum(0)
    return both @ context.neurons_by_product @ context.W_L.T
