"""How far the logits are what adding on circles would give: cosines of w_k(a+b-c)."""

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.measures.spectrum import by_frequency


def cosine_coefficients(
    logits_by_sum: Float64[Tensor, "residue answer"], basis: Float64[Tensor, "component residue"]
) -> Float64[Tensor, " frequency"]:
    """Return the logits' coefficients along cos(w_k(a+b-c)), normalised over the cube of pairs and answers.

    The cosines of different frequencies are orthogonal, so these are least-squares coefficients as well.
    They are read off the logits' mean table over a+b: ⟨C_k, L⟩ = Σ p C_k(s, c) table(s, c).

    Args:
        logits_by_sum: The logits, averaged over the pairs that share a+b.
        basis: The Fourier basis of Z_p.

    Returns:
        One coefficient per frequency 1 .. p//2, in units of the logits times p^{3/2}.

    References:
        nanda2023: the notebook's ``cos_coeffs``.

    Example:
        >>> from phasescope.algebra.fourier import fourier_basis
        >>> basis = torch.tensor(fourier_basis(5))
        >>> steps = torch.arange(5)
        >>> table = 3 * torch.cos(2 * torch.pi * 2 / 5 * (steps[:, None] - steps)).double()
        >>> [round(c, 6) for c in (cosine_coefficients(table, basis) / (5**3 / 2) ** 0.5).tolist()]
        [0.0, 3.0]
    """
    p = len(basis)
    diagonal = (basis @ logits_by_sum @ basis.T).diagonal()
    n_components = by_frequency(torch.ones(p, 1, dtype=torch.float64))
    return (by_frequency(diagonal[:, None]) * (p / n_components).sqrt())[:, 0]
