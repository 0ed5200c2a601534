"""The map from neurons to logits, W_L: two directions per key frequency, and almost nothing else.

In the Fourier basis of the answer, row 2k-1 of W_L is the direction u_k of neuron space that is read as
cos(w_k c), and row 2k the direction v_k read as sin(w_k c).
"""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.algebra.fourier import rows_of
from phasescope.algebra.sparsity import effective_rank
from phasescope.measures.context import Context
from phasescope.measures.record import KEYS, RESIDUES, SUMS, measured
from phasescope.measures.spectrum import frequency_energy, sums_by

RANK_SHARE = 0.99
"""Part of W_L's squared norm that its rank has to hold."""


@measured("FVE of W_L by keys", range=(0.0, 1.0), direction="higher", needs=(KEYS,), in_series=True)
def W_L_variance_explained(context: Context) -> float:
    """Part of W_L's squared Frobenius norm that lies in the key frequencies."""
    energy = frequency_energy(context.W_L, context.inputs.basis).sum(1)
    return float(energy[[key - 1 for key in context.keys]].sum() / context.W_L.square().sum())


@measured("residual of W_L", range=(0.0, 1.0), direction="lower", scale="log", needs=(KEYS,), in_series=True)
def W_L_residual(context: Context) -> float:
    """Part of W_L's squared Frobenius norm that the key frequencies leave over (published: under 0.55 %)."""
    return 1 - W_L_variance_explained(context)


@measured("rank of W_L", range=(1.0, None), direction="lower", needs=(RESIDUES,), in_series=True)
def W_L_rank(context: Context) -> float:
    """Number of singular values that hold 99 % of W_L's squared Frobenius norm."""
    squares = _singular_values(context).square()
    held = squares.cumsum(0) / squares.sum()
    return float(1 + (held < RANK_SHARE).sum())


@measured("effective rank of W_L", range=(1.0, None), direction="lower", references=("roy2007",))
def W_L_effective_rank(context: Context) -> float:
    """Exponential of the entropy of W_L's normalised singular values."""
    return effective_rank(_singular_values(context).numpy())


@measured("FVE of u_k, v_k", range=(0.0, 1.0), direction="higher", per="direction", needs=(SUMS, KEYS))
def u_v_variance_explained(context: Context) -> dict[str, float]:
    """Part of the variance of u_k·h that is cos(w_k(a+b)), and of v_k·h that is sin(w_k(a+b)) (table 1)."""
    read = _read_along(context)
    variance = (read - read.mean(0)).square().sum(0)
    return _by_direction(context, _along_sum(context, read).square() / variance)


@measured("coefficient of u_k, v_k", per="direction", needs=(SUMS, KEYS))
def u_v_coefficients(context: Context) -> dict[str, float]:
    """Amplitude of cos(w_k(a+b)) in u_k·h, and of sin(w_k(a+b)) in v_k·h (table 1)."""
    amplitude = math.sqrt(2) / context.p
    return _by_direction(context, amplitude * _along_sum(context, _read_along(context)))


def _rows(context: Context) -> list[int]:
    """The Fourier rows of the keys: u_k and v_k are these rows of W_L."""
    return [row for key in context.keys for row in rows_of(context.p, key)]


def _read_along(context: Context) -> Float64[Tensor, "pair direction"]:
    """What the neurons read along u_k and v_k of every key."""
    return context.neurons @ (context.inputs.basis[_rows(context)] @ context.W_L).T


def _along_sum(context: Context, read: Float64[Tensor, "pair direction"]) -> Float64[Tensor, " direction"]:
    """The component of what is read along u_k on the unit vector cos(w_k(a+b)), along v_k on the sine."""
    assert context.inputs.sums is not None, "only where the task adds"
    by_sum = sums_by(read, context.inputs.sums, context.p)
    return (context.inputs.basis[_rows(context)].T * by_sum).sum(0) / math.sqrt(context.p)


def _by_direction(context: Context, values: Float64[Tensor, " direction"]) -> dict[str, float]:
    """Name the values "k.cos" and "k.sin"; the key p/2 of an even p has no sine."""
    names = [
        f"{key}.{part}"
        for key in context.keys
        for part, _ in zip(("cos", "sin"), rows_of(context.p, key), strict=False)
    ]
    return dict(zip(names, values.tolist(), strict=True))


def _singular_values(context: Context) -> Float64[Tensor, " value"]:
    values: Tensor = torch.linalg.svdvals(context.W_L)
    return values
