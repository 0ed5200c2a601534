"""Fourier energies of tables over Z_p and of functions on all pairs, frequency by frequency.

A function on pairs has for each frequency k a block of eight components besides the constant: cosine and
sine of w_k a and of w_k b, and the four products. The products span the same space as cosine and sine of
w_k(a+b) and of w_k(a-b). So a frequency's energy needs no two-dimensional transform: the sums along the
four families of lines (a, b, a+b or a-b fixed) and one short transform of those are enough.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor


class FrequencyShare(NamedTuple):
    """How the variance of functions on pairs divides over the frequencies."""

    share: Float64[Tensor, "frequency column"]
    """Part of each column's variance in frequency k = row + 1, in [0, 1]; 0 for a column that is constant."""
    varies: Bool[Tensor, " column"]
    """Whether the column depends on its input at all (a dead neuron does not)."""


def frequency_energy(
    table: Float64[Tensor, "residue column"], basis: Float64[Tensor, "component residue"]
) -> Float64[Tensor, "frequency column"]:
    """Return the squared Fourier coefficients of each column, cosine and sine of a frequency added up.

    Args:
        table: One function on Z_p per column.
        basis: The Fourier basis of Z_p.

    Returns:
        Energies; row k - 1 belongs to frequency k, for k = 1 .. p//2. The constant is left out.

    Example:
        >>> from phasescope.algebra.fourier import fourier_basis
        >>> basis = torch.tensor(fourier_basis(5))
        >>> table = (3 * basis[1] + 4 * basis[2] + basis[3])[:, None]
        >>> [round(energy, 12) for energy in frequency_energy(table, basis)[:, 0].tolist()]
        [25.0, 1.0]
    """
    return by_frequency((basis @ table).square())


def frequency_share(
    values: Float64[Tensor, "pair column"], basis: Float64[Tensor, "component residue"]
) -> FrequencyShare:
    """Return which part of each column's variance over the pairs lies in each frequency's 3 x 3 block.

    Args:
        values: One function on pairs per column, with pair = a * p + b.
        basis: The Fourier basis of Z_p.

    Returns:
        The shares; those of one column sum to at most 1, the rest lying in mixed frequencies.

    References:
        nanda2023: section 4.3, "fraction of variance explained" of a neuron by one frequency.

    Example:
        >>> from phasescope.algebra.fourier import fourier_basis
        >>> basis = torch.tensor(fourier_basis(7))
        >>> pure = torch.outer(basis[1], basis[2]).reshape(49, 1)
        >>> [round(share, 12) for share in frequency_share(pure, basis).share[:, 0].tolist()]
        [1.0, 0.0, 0.0]
    """
    p = len(basis)
    along_a, along_b, along_sum, along_difference = line_sums(values, p)
    energy = frequency_energy(along_a, basis) + frequency_energy(along_b, basis)
    energy += frequency_energy(along_sum, basis)
    of_differences = frequency_energy(along_difference, basis)
    if p % 2 == 0:
        of_differences[-1] = 0.0  # (-1)^(a-b) is (-1)^(a+b), and has been counted
    energy = (energy + of_differences) / p
    total = squares(values, p)
    variance = total - along_a.sum(0).square() / p**2
    varies = variance > 1e-12 * total
    return FrequencyShare(torch.where(varies, energy / variance, 0.0), varies)


def line_sums(values: Float64[Tensor, "pair column"], p: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the sums of each column over the lines a = r, b = r, a+b = r and a-b = r (mod p).

    Args:
        values: One function on pairs per column, with pair = a * p + b.
        p: Modulus.

    Returns:
        Four tables of shape ``(residue, column)``, in this order.

    Example:
        >>> ones = torch.ones(9, 1, dtype=torch.float64)
        >>> [sums.flatten().tolist() for sums in line_sums(ones, 3)]
        [[3.0, 3.0, 3.0], [3.0, 3.0, 3.0], [3.0, 3.0, 3.0], [3.0, 3.0, 3.0]]
    """
    plane = values.reshape(p, p, -1)
    a, b = torch.cartesian_prod(torch.arange(p), torch.arange(p)).unbind(1)
    return plane.sum(1), plane.sum(0), sums_by(values, (a + b) % p, p), sums_by(values, (a - b) % p, p)


def sums_by(
    values: Float64[Tensor, "pair column"], residues: Int64[Tensor, " pair"], p: int
) -> Float64[Tensor, "residue column"]:
    """Return the sum of each column over the pairs that share a residue.

    Args:
        values: One function on pairs per column.
        residues: The residue of each pair.
        p: Modulus.

    Returns:
        Sums of shape ``(residue=p, column)``; 0 for a residue that no pair has.

    Example:
        >>> values = torch.tensor([[1.0], [2.0], [4.0]]).double()
        >>> sums_by(values, torch.tensor([0, 2, 0]), 3).flatten().tolist()
        [5.0, 0.0, 2.0]
    """
    return values.new_zeros(p, values.shape[1]).index_add_(0, residues, values)


def squares(values: Float64[Tensor, "pair column"], p: int) -> Float64[Tensor, " column"]:
    """Return the sum of squares of each column, p rows at a time so that no large copy is made.

    Args:
        values: Any columns.
        p: Rows to square at once.

    Returns:
        One sum per column.

    Example:
        >>> squares(torch.tensor([[1.0], [2.0], [3.0]]).double(), 2).tolist()
        [14.0]
    """
    total = values.new_zeros(values.shape[1])
    for block in torch.split(values, p):
        total += block.square().sum(0)
    return total


def by_frequency(values: Float64[Tensor, "component column"]) -> Float64[Tensor, "frequency column"]:
    """Add cosine and sine up: components 2k-1 and 2k are of frequency k, component 0 of none.

    Args:
        values: One row per component of the Fourier basis.

    Returns:
        One row per frequency 1 .. p//2.

    Example:
        >>> by_frequency(torch.tensor([[9.0], [1.0], [2.0], [4.0]]).double()).flatten().tolist()
        [3.0, 4.0]
    """
    p = len(values)
    row = torch.arange(p - 1).div(2, rounding_mode="floor")
    return sums_by(values[1:], row, p // 2)
