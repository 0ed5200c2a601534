"""Restricted and excluded loss as chughtai2023 defines them: on neurons, by irreps of the product.

These are not the losses of nanda2023, which project the logits. Here the neurons, not centred, are projected
on the matrix elements of rho(ab) and mapped to logits by W_L alone: nothing is added back, no residual path
of a transformer is kept. What is restricted depends on a pair through its product only.
"""

from collections.abc import Iterable, Iterator

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
    return _restricted(context, [context.key_irreps])[0]


@measured_loss("excluded loss (irreps)", direction="higher", references=_CHUGHTAI, needs=(GROUP, KEY_IRREPS))
def irrep_excluded_loss_all_keys(context: Context) -> float:
    """Train loss of what W_L reads off the neurons without their part in rho(ab) of the key irreps."""
    return _excluded(context, [context.key_irreps])[0]


@measured_loss(
    "restricted loss of irrep", direction="lower", per="irrep", references=_CHUGHTAI, needs=(GROUP,)
)
def irrep_restricted_loss_each(context: Context) -> dict[str, float]:
    """Loss over all pairs of what W_L reads off the neurons' part in rho(ab) of one irrep, for each."""
    names = list(context.inputs.irreps)
    return dict(zip(names, _restricted(context, [[name] for name in names]), strict=True))


@measured_loss(
    "excluded loss of irrep", direction="higher", per="irrep", references=_CHUGHTAI, needs=(GROUP,)
)
def irrep_excluded_loss(context: Context) -> dict[str, float]:
    """Train loss of what W_L reads off the neurons without rho(ab) of one irrep, for every irrep."""
    names = list(context.inputs.irreps)
    return dict(zip(names, _excluded(context, [[name] for name in names]), strict=True))


def _restricted(context: Context, groups: Iterable[Iterable[str]]) -> list[float]:
    """Losses of the neurons' part in each group of irreps; equal pairs of (product, answer) are counted."""
    inputs, n = context.inputs, context.task.n_elements
    distinct, counts = torch.unique(inputs.products * n + inputs.answers, return_counts=True)
    losses = [cross_entropies(part[distinct // n], distinct % n) for part in _parts(context, groups)]
    return [float(loss @ counts.double() / counts.sum()) for loss in losses]


def _excluded(context: Context, groups: Iterable[Iterable[str]]) -> list[float]:
    """Train losses of the neurons without their part in each group of irreps."""
    train = context.inputs.train
    products, answers = context.inputs.products[train], context.inputs.answers[train]
    whole = context.neurons[train] @ context.W_L.T
    left = (whole - part[products] for part in _parts(context, groups))
    return [float(cross_entropies(logits, answers).mean()) for logits in left]


def _parts(context: Context, groups: Iterable[Iterable[str]]) -> Iterator[Float64[Tensor, "g answer"]]:
    """What W_L reads off the neurons' part in each group of irreps, for every product."""
    projections = context.inputs.irrep_projections
    read = context.neurons_by_product @ context.W_L.T
    for names in groups:
        yield torch.stack([projections[name] for name in names]).sum(0) @ read
