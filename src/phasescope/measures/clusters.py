"""The house's rule for key frequencies: neurons that gather on one frequency more than chance allows."""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from phasescope.measures.spectrum import FrequencyShare, frequency_share

EXPLAINED = 0.85
"""A neuron belongs to a frequency that holds more than this share of its variance."""

FEWEST_NEURONS = 5
"""A key frequency has at least so many neurons."""

NULL_DRAWS = 8
NULL_NEURONS = 64


def cluster_sizes(shares: FrequencyShare) -> Int64[Tensor, " frequency"]:
    """Return how many neurons belong to each frequency.

    Args:
        shares: The neurons' variance by frequency.

    Returns:
        Counts; entry k - 1 is of frequency k.

    References:
        nanda2023: section 4.3, 433 of 512 neurons belong to one of five frequencies.

    Example:
        >>> share = torch.tensor([[0.9, 0.84], [0.05, 0.1]]).double()
        >>> cluster_sizes(FrequencyShare(share, torch.tensor([True, True]))).tolist()
        [1, 0]
    """
    return (shares.share > EXPLAINED).sum(1)


def neuron_clusters(
    neurons: Float64[Tensor, "pair neuron"],
    shares: FrequencyShare,
    basis: Float64[Tensor, "component residue"],
) -> tuple[int, ...]:
    """Return the key frequencies: at least five neurons each, and more than chance would give.

    Chance is measured on the network's own neurons with their values shuffled over the pairs. For large p
    no shuffled neuron comes near 0.85; for p of 5 and less some do, and for p of 3 all do, so that there
    the rule finds nothing. A frequency must hold more than twice the share of neurons that the worst of
    eight shuffles puts on it.

    Args:
        neurons: Activations at the answer position.
        shares: The same neurons' variance by frequency.
        basis: The Fourier basis of Z_p.

    Returns:
        The key frequencies in rising order; empty before there is structure.

    Example:
        >>> from phasescope.algebra.fourier import fourier_basis
        >>> basis = torch.tensor(fourier_basis(7))
        >>> neurons = torch.outer(basis[3], basis[4]).reshape(49, 1).repeat(1, 6)
        >>> neuron_clusters(neurons, frequency_share(neurons, basis), basis)
        (2,)
    """
    sizes = cluster_sizes(shares)
    if int(sizes.max()) < FEWEST_NEURONS:
        return ()
    living = neurons[:, shares.varies]
    by_chance = _largest_share_by_chance(living, basis)
    is_key = (sizes >= FEWEST_NEURONS) & (sizes / living.shape[1] > 2 * by_chance)
    return tuple(1 + int(row) for row in is_key.nonzero())


def _largest_share_by_chance(
    living: Float64[Tensor, "pair neuron"], basis: Float64[Tensor, "component residue"]
) -> Float64[Tensor, " frequency"]:
    """Share of shuffled neurons on each frequency, the worst of several draws; always the same draws."""
    generator = torch.Generator().manual_seed(0)
    sample = living[:, :: -(-living.shape[1] // NULL_NEURONS)]
    draws = []
    for _ in range(NULL_DRAWS):
        shuffled = sample[torch.randperm(len(sample), generator=generator)]
        draws.append(cluster_sizes(frequency_share(shuffled, basis)) / sample.shape[1])
    return torch.stack(draws).amax(0).double()
