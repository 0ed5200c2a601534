"""Which irreps the neurons hold: their variance along matrix elements of rho(a), rho(b) and rho(ab).

A product of two generic elements is generic, so the functions of a, of b and of ab are orthogonal but for the
constant. What is in none of them depends on a and b together, in another way than through their product.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.algebra.representations import Representation
from phasescope.measures.context import Context
from phasescope.measures.record import GROUP, KEY_IRREPS, measured
from phasescope.measures.spectrum import sums_by

_CHUGHTAI = ("chughtai2023",)


@measured("neurons in rho(ab)", range=(0.0, 1.0), per="irrep", references=_CHUGHTAI, needs=(GROUP,))
def irrep_share_neurons(context: Context) -> dict[str, float]:
    """Part of the neurons' variance in the matrix elements of rho(ab), for every irrep."""
    return _shares(context, context.neurons_by_product)


@measured(
    "FVE of neurons",
    range=(0.0, 1.0),
    direction="higher",
    references=_CHUGHTAI,
    needs=(GROUP, KEY_IRREPS),
)
def irrep_variance_explained_neurons(context: Context) -> float:
    """Part of the neurons' variance in rho(a), rho(b) and rho(ab) of the key irreps together."""
    a, b = torch.tensor(context.task.pairs).unbind(1)
    n = context.task.n_elements
    along = [context.neurons_by_product, *(sums_by(context.neurons, which, n) / n for which in (a, b))]
    shares = [_shares(context, table) for table in along]
    return sum(share[name] for share in shares for name in context.key_irreps)


@measured(
    "FVE of neurons, rho(ab)",
    range=(0.0, 1.0),
    direction="higher",
    references=_CHUGHTAI,
    needs=(GROUP, KEY_IRREPS),
)
def irrep_variance_explained_neurons_product(context: Context) -> float:
    """Part of the neurons' variance in rho(ab) of the key irreps together."""
    shares = irrep_share_neurons(context)
    return sum(shares[name] for name in context.key_irreps)


@measured(
    "rho(ab) read from neurons",
    range=(None, 1.0),
    direction="higher",
    per="irrep",
    references=_CHUGHTAI,
    needs=(GROUP,),
)
def irrep_readout(context: Context) -> dict[str, float]:
    """Part of the variance of the matrices rho(ab) that the best linear map from the neurons reads out.

    One for an irrep whose matrices the network holds to the last entry, for every pair. There are many pairs
    to a neuron, so that neurons without structure read out little.
    """
    directions = _whitening(context)
    by_product, n = _centred_by_product(context), context.task.n_elements
    found = {}
    for name, rho in context.inputs.irreps.items():
        elements = _elements(rho)  # every product has |G| pairs, in what is read as in what there is
        read = n * directions.T @ (by_product.T @ elements)
        found[name] = float(read.square().sum() / (n * elements.square().sum()))
    return found


def matrices_read_out(context: Context, irrep: str) -> Float64[Tensor, "g d d"]:
    """Return the matrix of every product that the best linear map from the neurons reads out, on average.

    Args:
        context: A network that multiplies in a group.
        irrep: Name of an irrep.

    Returns:
        One matrix for each element, the mean over the pairs that have it as their product. The nearer they
        are to the irrep's own, the nearer they are to multiplying as the elements do.

    References:
        chughtai2023: section 5.3, representation matrices recovered from activations.

    Example:
        >>> from phasescope.models.handmade_groups import representation_network
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a*b in S3", "a b").build()
        >>> network = representation_network(task.group, ["(2,1)"])
        >>> matrices = matrices_read_out(Context(network, task, parse_split("all").split(task)), "(2,1)")
        >>> products = torch.tensor(task.group.table)
        >>> bool(torch.allclose(matrices[products], matrices[:, None] @ matrices[None]))
        True
    """
    rho = context.inputs.irreps[irrep]
    directions, by_product = _whitening(context), _centred_by_product(context)
    n = context.task.n_elements
    read = n * by_product @ (directions @ (directions.T @ (by_product.T @ _elements(rho))))
    return read.reshape(n, rho.dimension, rho.dimension)


def _shares(context: Context, by_element: Float64[Tensor, "g neuron"]) -> dict[str, float]:
    """Part of the neurons' variance over the pairs in each irrep of a function of one group element."""
    neurons = context.neurons
    variance = float((neurons - neurons.mean(0)).square().sum()) or 1.0
    n = context.task.n_elements
    return {
        name: n * float((by_element * (project @ by_element)).sum()) / variance
        for name, project in context.inputs.irrep_projections.items()
    }


def _elements(rho: Representation) -> Float64[Tensor, "g element"]:
    """The matrix elements as functions on the group; their mean is 0, for it is no trivial one."""
    return torch.tensor(rho.matrices).flatten(1)


def _centred_by_product(context: Context) -> Float64[Tensor, "g neuron"]:
    """The neurons less their mean over all pairs, averaged over the pairs of each product."""
    return context.neurons_by_product - context.neurons_by_product.mean(0)


def _whitening(context: Context) -> Float64[Tensor, "neuron direction"]:
    """A map that makes an orthonormal basis of the span of the centred neurons."""
    centred = context.neurons - context.neurons.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    real = values > 1e-10 * values.max()
    whitening: Tensor = vectors[:, real] / values[real].sqrt()
    return whitening
