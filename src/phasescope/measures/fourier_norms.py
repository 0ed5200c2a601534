"""How the weights spread over frequencies: norms per frequency, and how unequal they are."""

from jaxtyping import Float64
from torch import Tensor

from phasescope.algebra.fourier import frequencies
from phasescope.algebra.sparsity import gini
from phasescope.measures.context import Context
from phasescope.measures.record import RESIDUES, measured
from phasescope.measures.spectrum import frequency_energy


@measured("‖W_E‖ at k", range=(0.0, None), per="frequency", needs=(RESIDUES,), in_series=True)
def fourier_norm_W_E(context: Context) -> dict[int, float]:
    """Norm of the embedding at each frequency, cosine and sine together."""
    return _norms(context, context.W_E)


@measured("‖W_L‖ at k", range=(0.0, None), per="frequency", needs=(RESIDUES,), in_series=True)
def fourier_norm_W_L(context: Context) -> dict[int, float]:
    """Norm of the neuron to logit map at each frequency of the answer, cosine and sine together."""
    return _norms(context, context.W_L)


@measured("‖W_U‖ at k", range=(0.0, None), per="frequency", needs=(RESIDUES,), in_series=True)
def fourier_norm_W_U(context: Context) -> dict[int, float]:
    """Norm of the unembedding at each frequency of the answer, cosine and sine together."""
    return _norms(context, context.W_U.T)


@measured("Gini of W_E", range=(0.0, 1.0), direction="higher", needs=(RESIDUES,), in_series=True)
def gini_W_E(context: Context) -> float:
    """Gini coefficient of the norms of W_E's p Fourier components."""
    return _gini(context, context.W_E)


@measured("Gini of W_L", range=(0.0, 1.0), direction="higher", needs=(RESIDUES,), in_series=True)
def gini_W_L(context: Context) -> float:
    """Gini coefficient of the norms of W_L's p Fourier components (what figure 7 draws beside W_E)."""
    return _gini(context, context.W_L)


@measured("Gini of W_U", range=(0.0, 1.0), direction="higher", needs=(RESIDUES,), in_series=True)
def gini_W_U(context: Context) -> float:
    """Gini coefficient of the norms of W_U's p Fourier components (section 5.2 names it once)."""
    return _gini(context, context.W_U.T)


def _norms(context: Context, table: Float64[Tensor, "residue column"]) -> dict[int, float]:
    norms = frequency_energy(table, context.inputs.basis).sum(1).sqrt()
    return dict(zip(frequencies(context.p), norms.tolist(), strict=True))


def _gini(context: Context, table: Float64[Tensor, "residue column"]) -> float:
    return gini((context.inputs.basis @ table).norm(dim=1).numpy())
