"""Young's orthogonal form: every irreducible representation of the symmetric group, by its partition."""

import functools

import numpy as np
from jaxtyping import Float64

Partition = tuple[int, ...]
Tableau = tuple[int, ...]
"""The row in which each of the numbers 0 .. n-1 stands."""


def partitions(n: int) -> list[Partition]:
    """Return the partitions of n, the largest parts first.

    Args:
        n: A whole number, at least 0.

    Returns:
        Non-increasing tuples that add up to n.

    Example:
        >>> partitions(4)
        [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]
    """

    def below(rest: int, largest: int) -> list[Partition]:
        if rest == 0:
            return [()]
        return [
            (part, *others)
            for part in range(min(rest, largest), 0, -1)
            for others in below(rest - part, part)
        ]

    return below(n, n)


def conjugate(shape: Partition) -> Partition:
    """Return the partition with rows and columns exchanged, whose representation is that times sign.

    Example:
        >>> conjugate((3, 1))
        (2, 1, 1)
    """
    return tuple(sum(row > column for row in shape) for column in range(shape[0] if shape else 0))


def standard_tableaux(shape: Partition) -> list[Tableau]:
    """Return the standard Young tableaux of a shape: 0 .. n-1 filled in so that rows and columns rise.

    Args:
        shape: A partition of n.

    Returns:
        For each tableau the row of every number, in the order of the last numbers' rows.

    Example:
        >>> standard_tableaux((2, 1))
        [(0, 1, 0), (0, 0, 1)]
    """
    if sum(shape) == 0:
        return [()]
    found = []
    for row, length in enumerate(shape):
        below = shape[row + 1] if row + 1 < len(shape) else 0
        if length > below:
            smaller = (*shape[:row], length - 1, *shape[row + 1 :])
            found += [(*tableau, row) for tableau in standard_tableaux(smaller)]
    return found


def adjacent_transpositions(shape: Partition) -> list[Float64[np.ndarray, "d d"]]:
    """Return Young's orthogonal matrices of the transpositions (0 1), (1 2), ..., (n-2 n-1).

    Where i and i+1 stand r steps apart along the rim (columns minus rows), a tableau keeps 1/r of itself, and
    the tableau with the two exchanged gets sqrt(1 - 1/r²).

    Args:
        shape: A partition of n, at least 1.

    Returns:
        n - 1 symmetric orthogonal matrices; rows and columns are the standard tableaux.

    References:
        james1981: The representation theory of the symmetric group, section 3.4.

    Example:
        >>> [matrix.round(3).tolist() for matrix in adjacent_transpositions((2, 1))]
        [[[-1.0, 0.0], [0.0, 1.0]], [[0.5, 0.866], [0.866, -0.5]]]
    """
    tableaux = standard_tableaux(shape)
    place = {tableau: i for i, tableau in enumerate(tableaux)}
    matrices = [np.zeros((len(tableaux), len(tableaux))) for _ in range(sum(shape) - 1)]
    for column, tableau in enumerate(tableaux):
        content = _contents(tableau)
        for i, matrix in enumerate(matrices):
            distance = content[i + 1] - content[i]
            matrix[column, column] = 1 / distance
            swapped = (*tableau[:i], tableau[i + 1], tableau[i], *tableau[i + 2 :])
            if abs(distance) > 1:
                matrix[place[swapped], column] = np.sqrt(1 - 1 / distance**2)
    return matrices


@functools.cache
def _contents(tableau: Tableau) -> tuple[int, ...]:
    """Column minus row of every number."""
    filled: dict[int, int] = {}
    contents = []
    for row in tableau:
        contents.append(filled.get(row, 0) - row)
        filled[row] = filled.get(row, 0) + 1
    return tuple(contents)
