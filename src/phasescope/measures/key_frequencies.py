"""Key frequencies by each rule in circulation. Before convergence the rules disagree.

The fourth rule, "those of the last checkpoint", is no function of one model: a caller passes such keys to
the context, or asks for keys="final" on a series.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.algebra.fourier import frequencies
from phasescope.measures.clusters import clustered_frequencies
from phasescope.measures.context import Context
from phasescope.measures.cosines import cosine_coefficients
from phasescope.measures.record import PLANE, RESIDUES, SUMS, measured
from phasescope.measures.spectrum import frequency_energy

SHARE_OF_LARGEST = 0.25
"""A norm counts in W_E and W_L if it is above this part of the largest."""

SMALLEST_COSINE = 0.005
"""A cosine counts in the logits if the similarity is above this."""


@measured("key frequencies", per="set", needs=(PLANE,))
def key_frequencies(context: Context) -> list[int]:
    """Frequencies with five neurons or more above 85 % of their variance, beyond chance: the default rule."""
    return list(clustered_frequencies(context.neurons, context.neuron_shares, context.inputs.basis))


@measured("key frequencies (neurons' own)", per="set", needs=(PLANE,))
def key_frequencies_neuron_argmax(context: Context) -> list[int]:
    """Every frequency that is some neuron's best, however weakly: the authors' code, which has no threshold.

    Dead neurons have none. The code's loop stops before p//2; this one does not.
    """
    shares = context.neuron_shares
    best = shares.share.argmax(0)[shares.varies]
    return [1 + int(row) for row in torch.unique(best)]


@measured("key frequencies (W_L)", per="set", needs=(RESIDUES,))
def key_frequencies_W_L(context: Context) -> list[int]:
    """Frequencies whose norm in W_L exceeds a quarter of the largest.

    The paper takes the "nontrivial" ones and gives no number (appendix C.2); the threshold is that of W_E.
    """
    return _above_quarter(frequency_energy(context.W_L, context.inputs.basis))


@measured("key frequencies (W_E)", per="set", references=("transformer_lens_demo",), needs=(RESIDUES,))
def key_frequencies_W_E(context: Context) -> list[int]:
    """Frequencies whose norm in W_E exceeds a quarter of the largest."""
    return _above_quarter(frequency_energy(context.W_E, context.inputs.basis))


@measured("key frequencies (logits)", per="set", references=("chughtai2023",), needs=(SUMS,))
def key_frequencies_logit_cosine(context: Context) -> list[int]:
    """Frequencies whose cosine cos(w_k(a+b-c)) has a similarity above 0.005 with the logits."""
    similarity = cosine_coefficients(context.logits_by_sum, context.inputs.basis) / context.logits.norm()
    return [k for k in frequencies(context.p) if float(similarity[k - 1]) > SMALLEST_COSINE]


def _above_quarter(energy: Float64[Tensor, "frequency column"]) -> list[int]:
    norms = energy.sum(1).sqrt()
    return [1 + int(row) for row in (norms > SHARE_OF_LARGEST * norms.max()).nonzero()]
