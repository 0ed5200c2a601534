"""How far each neuron keeps to one frequency."""

from phasescope.algebra.fourier import frequencies
from phasescope.measures.clusters import EXPLAINED, cluster_sizes
from phasescope.measures.context import Context
from phasescope.measures.record import PLANE, measured


@measured("mean FVE of neurons", range=(0.0, 1.0), direction="higher", needs=(PLANE,), in_series=True)
def neuron_frequency_fraction(context: Context) -> float:
    """Mean over living neurons of the largest share of variance that one frequency holds.

    A frequency's share is the energy of its 3 x 3 block of the two-dimensional transform, the constant
    left out; a neuron lives if it depends on the input.
    """
    shares = context.neuron_shares
    best = shares.share.amax(0)[shares.varies]
    return float(best.mean()) if len(best) else 0.0


@measured("neurons explained", range=(0.0, 1.0), direction="higher", needs=(PLANE,), in_series=True)
def neurons_explained(context: Context) -> float:
    """Part of all neurons of which one frequency holds more than 85 % of the variance."""
    return float((context.neuron_shares.share.amax(0) > EXPLAINED).double().mean())


@measured("neurons at k", range=(0.0, None), per="frequency", needs=(PLANE,), in_series=True)
def neuron_clusters(context: Context) -> dict[int, float]:
    """Number of neurons with more than 85 % of their variance on each frequency."""
    sizes = cluster_sizes(context.neuron_shares).double()
    return dict(zip(frequencies(context.p), sizes.tolist(), strict=True))


@measured("dead neurons", range=(0.0, None), needs=(PLANE,), in_series=True)
def dead_neurons(context: Context) -> float:
    """Number of neurons that do not depend on the input at all."""
    return float((~context.neuron_shares.varies).sum())
