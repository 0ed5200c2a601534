"""The groups the field trains on, by formula and by name: C113, D59, S5, A5, S3xC2."""

import functools
import itertools
import math
import re
import reprlib

import numpy as np
from jaxtyping import Int64

from phasescope.algebra.groups import LARGEST_ORDER, Group
from phasescope.errors import PhasescopeError


def cyclic(n: int) -> Group:
    """Return the cyclic group of n elements, residues under addition mod n.

    Args:
        n: Number of elements, at least 1.

    Returns:
        The group "Cn"; element i is the residue i and is labelled so.

    Raises:
        PhasescopeError: If n is below 1 or the table would be too large.

    Example:
        >>> int(cyclic(113).table[100, 14]), int(cyclic(113).inverse[100])
        (1, 13)
    """
    _check_order(f"C{n}", n)
    residues = np.arange(n)
    return Group(f"C{n}", (residues[:, None] + residues) % n, tuple(str(r) for r in residues))


def dihedral(n: int) -> Group:
    """Return the dihedral group of the n-gon, which has 2n elements.

    Elements 0 .. n-1 are the rotations 1, r, r^2, ...; elements n .. 2n-1 are the reflections
    s, r s, r^2 s, ..., where s r = r^-1 s. This is the order of chughtai2023, so D59 has 118 elements.

    Args:
        n: Number of rotations, at least 1.

    Returns:
        The group "Dn".

    Raises:
        PhasescopeError: If n is below 1 or the table would be too large.

    Example:
        >>> dihedral(3).labels
        ('1', 'r', 'r^2', 's', 'r s', 'r^2 s')
        >>> square = dihedral(4)
        >>> square.labels[square.table[square.labels.index("s"), square.labels.index("r")]]
        'r^3 s'
    """
    _check_order(f"D{n}", 2 * n)
    turn = np.tile(np.arange(n), 2)
    flipped = np.repeat([0, 1], n)
    # (r^i s^a)(r^j s^b) = r^(i + j) s^(a + b), with -j when a flip stands before the turn
    sign = np.where(flipped == 1, -1, 1)
    product_turn = (turn[:, None] + sign[:, None] * turn) % n
    product_flipped = flipped[:, None] ^ flipped
    rotations = ["1", "r", *(f"r^{i}" for i in range(2, n))][:n]
    reflections = ["s", *(f"{rotation} s" for rotation in rotations[1:])]
    return Group(f"D{n}", product_flipped * n + product_turn, (*rotations, *reflections))


def symmetric(n: int) -> Group:
    """Return the group of all permutations of 0 .. n-1.

    Permutations are numbered in lexicographic order of their one-line notation (i(0), i(1), ...), so
    element 0 is the identity. The product is composition, right factor first: (i*j)(x) = i(j(x)).
    Published code also uses the other order; it is the same group with the operands exchanged.

    Args:
        n: Number of points, 1 to 6.

    Returns:
        The group "Sn", labelled in cycle notation on 0 .. n-1.

    Raises:
        PhasescopeError: If n is below 1 or the table would be too large.

    Example:
        >>> symmetric(3).labels
        ('()', '(1 2)', '(0 1)', '(0 1 2)', '(0 2 1)', '(0 2)')
        >>> s3 = symmetric(3)
        >>> s3.labels[s3.table[s3.labels.index("(0 1)"), s3.labels.index("(1 2)")]]
        '(0 1 2)'
    """
    _check_order(f"S{n}", _factorial(n))
    return _permutation_group(f"S{n}", _permutations(n))


def alternating(n: int) -> Group:
    """Return the group of even permutations of 0 .. n-1.

    Numbering and product are those of ``symmetric``, odd permutations left out.

    Args:
        n: Number of points, 1 to 6.

    Returns:
        The group "An", labelled in cycle notation on 0 .. n-1.

    Raises:
        PhasescopeError: If n is below 1 or the table would be too large.

    Example:
        >>> alternating(5).order, alternating(3).labels
        (60, ('()', '(0 1 2)', '(0 2 1)'))
    """
    _check_order(f"A{n}", (_factorial(n) + 1) // 2)
    permutations = _permutations(n)
    n_inversions = sum(
        (permutations[:, i] > permutations[:, j]).astype(int) for i, j in itertools.combinations(range(n), 2)
    )
    even = np.broadcast_to(np.asarray(n_inversions) % 2 == 0, len(permutations))
    return _permutation_group(f"A{n}", permutations[even])


def product(left: Group, right: Group) -> Group:
    """Return the direct product, in which both factors multiply on their own.

    Args:
        left: Factor whose element varies slowest.
        right: Factor whose element varies fastest: the pair (i, j) is element i * right.order + j.

    Returns:
        The group named "LEFTxRIGHT".

    Raises:
        PhasescopeError: If the table would be too large.

    Example:
        >>> klein = product(cyclic(2), cyclic(2))
        >>> klein.name, klein.labels, klein.table[3].tolist()
        ('C2xC2', ('(0, 0)', '(0, 1)', '(1, 0)', '(1, 1)'), [3, 2, 1, 0])
    """
    name = f"{left.name}x{right.name}"
    _check_order(name, left.order * right.order)
    slow, fast = left.table[:, None, :, None], right.table[None, :, None, :]
    table = (slow * right.order + fast).reshape(left.order * right.order, -1)
    labels = tuple(f"({a}, {b})" for a, b in itertools.product(left.labels, right.labels))
    return Group(name, table, labels)


FAMILIES = {"C": cyclic, "D": dihedral, "S": symmetric, "A": alternating}
"""The letter of a name, and the family it stands for."""

_NAME = re.compile(r"[CDSA][1-9][0-9]{0,8}(x[CDSA][1-9][0-9]{0,8})*")


def group(name: str) -> Group:
    """Return the group with a name: a letter and a number, or several joined by x.

    Args:
        name: "C113" (113 elements), "D59" (118), "S5" (120), "A5" (60), "S3xC2" (12).

    Returns:
        The group.

    Raises:
        PhasescopeError: If the name is not read or the group is too large.

    Example:
        >>> group("S3xC2").order
        12
        >>> try:
        ...     group("s5")
        ... except PhasescopeError as error:
        ...     print(error)
        a group reads like C113, D59, S5, A5 or S3xC2; got 's5'; did you mean S5?
    """
    if not _NAME.fullmatch(name):
        near = re.sub(r"[\s_(){}]", "", name).upper().replace("X", "x").replace("Z", "C")
        suggestion = f"; did you mean {near}?" if _NAME.fullmatch(near) else ""
        raise PhasescopeError(
            f"a group reads like C113, D59, S5, A5 or S3xC2; got {reprlib.repr(name)}{suggestion}"
        )
    factors = (FAMILIES[factor[0]](int(factor[1:])) for factor in name.split("x"))
    return functools.reduce(product, factors)


def _check_order(name: str, order: int) -> None:
    """Refuse a group without elements, or with more than a table can hold."""
    if not 1 <= order <= LARGEST_ORDER:
        raise PhasescopeError(f"a group here has 1 to {LARGEST_ORDER} elements; {name} would not")


def _factorial(n: int) -> int:
    """n!, or 0 where there is none; far out of reach, any number that is too large will do."""
    return math.factorial(min(n, 20)) if n >= 1 else 0


def _permutations(n: int) -> Int64[np.ndarray, "permutation point"]:
    """Every permutation of n points in one-line notation, in lexicographic order."""
    return np.array(list(itertools.permutations(range(n))), dtype=np.int64)


def _permutation_group(name: str, permutations: Int64[np.ndarray, "permutation point"]) -> Group:
    """The group of some permutations, closed under composition and in lexicographic order."""
    n = permutations.shape[1]
    # read as digits in base n, permutations in lexicographic order are increasing numbers
    digits = n ** np.arange(n)[::-1]
    codes = permutations @ digits
    table = np.stack([np.searchsorted(codes, left[permutations] @ digits) for left in permutations])
    return Group(name, table.astype(np.int64), tuple(_cycles(row) for row in permutations.tolist()))


def _cycles(permutation: list[int]) -> str:
    """Cycle notation: each cycle from its smallest point, fixed points left out, "()" for the identity."""
    text, seen = "", set[int]()
    for start in range(len(permutation)):
        cycle, point = [], start
        while point not in seen:
            seen.add(point)
            cycle.append(str(point))
            point = permutation[point]
        if len(cycle) > 1:
            text += f"({' '.join(cycle)})"
    return text or "()"
