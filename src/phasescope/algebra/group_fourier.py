"""The Fourier transform on a finite group: one matrix per irreducible representation, and back.

On C_n it is the transform by cosine and sine that ``fourier`` does with one matrix.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from phasescope.algebra.groups import Group
from phasescope.algebra.representations import Representation

Transform = dict[str, Float64[np.ndarray, "d d column"]]
"""By the name of an irrep, f̂(rho) = Σ_g f(g) rho(g), for every column."""


def group_transform(
    table: Float64[np.ndarray, "g column"], representations: Sequence[Representation]
) -> Transform:
    """Return the Fourier transform f̂(rho) = Σ_g f(g) rho(g) of functions on a group.

    Args:
        table: One function per column.
        representations: The group's irreps.

    Returns:
        A matrix for every irrep and column.

    References:
        diaconis1988: Group representations in probability and statistics, chapter 2.
        stander2023: section 3.

    Example:
        >>> from phasescope.algebra.irreps import irreps
        >>> from phasescope.algebra.named_groups import group
        >>> there = group_transform(np.eye(6)[:, :1], irreps(group("S3")))
        >>> {name: matrix[..., 0].tolist() for name, matrix in there.items()}  # of the identity's indicator
        {'trivial': [[1.0]], 'sign': [[1.0]], '(2,1)': [[1.0, 0.0], [0.0, 1.0]]}
    """
    return {rho.name: np.einsum("gij,gc->ijc", rho.matrices, table) for rho in representations}


def inverse_group_transform(
    transform: Mapping[str, Float64[np.ndarray, "d d column"]], representations: Sequence[Representation]
) -> Float64[np.ndarray, "g column"]:
    """Return the functions that have a given Fourier transform: Σ_rho (d/e)/|G| tr(f̂(rho) rho(g)').

    Args:
        transform: A matrix for every irrep that it is to be made of; those left out count as zero, so that
            one irrep alone gives a function's component in it.
        representations: The group's irreps.

    Returns:
        One function per column.

    Example:
        >>> from phasescope.algebra.irreps import irreps
        >>> from phasescope.algebra.named_groups import group
        >>> reps = irreps(group("S3"))
        >>> f = np.arange(6.0)[:, None]
        >>> bool(np.allclose(inverse_group_transform(group_transform(f, reps), reps), f))
        True
    """
    parts = [
        np.einsum("gij,ijc->gc", rho.matrices, transform[rho.name])
        * (rho.dimension / rho.indicator_dimension / len(rho.matrices))
        for rho in representations
        if rho.name in transform
    ]
    total: np.ndarray = np.sum(parts, axis=0)
    return total


def isotypic_projection(group: Group, rho: Representation) -> Float64[np.ndarray, "g h"]:
    """Return the projection of functions on a group onto the span of an irrep's matrix elements.

    Entry (g, h) is (d/e)/|G| times the character of g h⁻¹: no basis has to be chosen.

    Args:
        group: The group.
        rho: One of its irreps.

    Returns:
        A symmetric idempotent matrix of rank d²/e.

    Example:
        >>> from phasescope.algebra.irreps import irreps
        >>> from phasescope.algebra.named_groups import group
        >>> g = group("S4")
        >>> [round(float(np.trace(isotypic_projection(g, rho)))) for rho in irreps(g)]
        [1, 1, 4, 9, 9]
    """
    quotient = group.table[:, group.inverse]
    return np.asarray(rho.character[quotient] * (rho.dimension / rho.indicator_dimension / group.order))


def power(
    table: Float64[np.ndarray, "g column"], representations: Sequence[Representation]
) -> dict[str, Float64[np.ndarray, " column"]]:
    """Return the squared norm of each function's component in every irrep; they add up to Σ_g f(g)².

    Args:
        table: One function per column.
        representations: The group's irreps.

    Returns:
        By the name of an irrep, the power of every column.

    References:
        stander2023: ``calc_power_contributions``, there per element: divide by the order of the group.

    Example:
        >>> from phasescope.algebra.irreps import irreps
        >>> from phasescope.algebra.named_groups import group
        >>> found = power(np.eye(6)[:, :1], irreps(group("S3")))
        >>> {name: round(float(of_column[0]), 12) for name, of_column in found.items()}
        {'trivial': 0.166666666667, 'sign': 0.166666666667, '(2,1)': 0.666666666667}
    """
    transform = group_transform(table, representations)
    return {
        rho.name: np.square(transform[rho.name]).sum(axis=(0, 1))
        * (rho.dimension / rho.indicator_dimension / len(rho.matrices))
        for rho in representations
    }
