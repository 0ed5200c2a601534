"""Cosets of a subgroup, and how far a function on a group keeps to them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.algebra.subgroups import Subgroup
from phasescope.errors import PhasescopeError

Side = Literal["left", "right"]
Form = Literal["sum", "mean"]
"""How variances within cosets are put together: see `coset_concentration`."""


def cosets(subgroup: Subgroup, side: Side = "left") -> Int64[np.ndarray, " g"]:
    """Return which coset each element lies in: of the left ones gH, or of the right ones Hg.

    Args:
        subgroup: H.
        side: "left" or "right".

    Returns:
        A number for every element; cosets are numbered by their first element, H's own is not always 0.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> from phasescope.algebra.subgroups import generated
        >>> flip = generated(group("D3"), ["s"])
        >>> cosets(flip, "left").tolist(), cosets(flip, "right").tolist()
        ([0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 2, 1])
    """
    table, members = subgroup.group.table, list(subgroup.elements)
    rows = table[:, members] if side == "left" else table[members].T
    _, number = np.unique(rows.min(axis=1), return_inverse=True)
    return number.astype(np.int64)


def double_cosets(left: Subgroup, right: Subgroup) -> Int64[np.ndarray, " g"]:
    """Return which double coset K g H each element lies in.

    Args:
        left: K.
        right: H, a subgroup of the same group.

    Returns:
        A number for every element; unlike cosets they differ in size.

    Raises:
        PhasescopeError: If they are subgroups of different groups.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> from phasescope.algebra.subgroups import generated
        >>> flip = generated(group("D3"), ["s"])
        >>> np.bincount(double_cosets(flip, flip)).tolist()
        [2, 4]
    """
    group = left.group
    if right.group is not group:
        raise PhasescopeError(f"double cosets need one group; got {group.name} and {right.group.name}")
    once = group.table[list(left.elements)]  # k*g
    rows = group.table[once][..., list(right.elements)]  # (k*g)*h
    _, number = np.unique(rows.min(axis=(0, 2)), return_inverse=True)
    return number.astype(np.int64)


def variance_within(
    table: Float64[np.ndarray, "g column"], partition: Int64[np.ndarray, " g"]
) -> Float64[np.ndarray, " column"]:
    """Return the mean sample variance within the cosets over the sample variance of each function.

    This is the analysis of variance with degrees of freedom counted: a function of the coset has 0, and one
    that ignores the cosets has 1 on average, however many there are.

    Args:
        table: One function per column. One that is constant has the ratio 1.
        partition: The coset of every element, such as from `cosets`; all of one size, at least 2.

    Returns:
        One ratio per column.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> from phasescope.algebra.subgroups import generated
        >>> flips = cosets(generated(group("D3"), ["s"]), "left")
        >>> variance_within(np.array([[5.0, 1, 2, 5, 1, 2.5]]).T, flips).round(4).tolist()
        [0.0123]
    """
    n, n_cosets = len(table), int(partition.max()) + 1
    centred = table - table.mean(axis=0)
    squares = np.square(centred).sum(axis=0)
    varies = squares > 1e-24 * np.square(table).sum(axis=0)
    sums = (np.arange(n_cosets)[:, None] == partition).astype(float) @ centred
    within = np.maximum(squares - np.square(sums).sum(axis=0) * n_cosets / n, 0.0)
    ratio = within / (n - n_cosets) * (n - 1)
    found: np.ndarray = np.divide(ratio, squares, out=np.ones_like(squares), where=varies)
    return found


def coset_concentration(
    table: Float64[np.ndarray, "g column"],
    partitions: Sequence[Int64[np.ndarray, " g"]],
    form: Form = "mean",
) -> Float64[np.ndarray, " column"]:
    """Return the least variance within cosets over the variance of each function, over some partitions.

    The published code adds up the sample variances of all cosets ("sum"), so that a function that ignores
    the cosets has their number, not 1: being below 1 asks more of a small subgroup than of a large one. The
    mean of the sample variances ("mean") is `variance_within`. Being the least over many partitions, either
    is small for many a function that was never made for cosets: compare with a null.

    Args:
        table: One function per column.
        partitions: The coset of every element, for each of some subgroups.
        form: "sum" or "mean".

    Returns:
        One ratio per column.

    Raises:
        PhasescopeError: If there is no partition.

    References:
        stander2023: ``calculate_cosets.py``, "coset_cond_var" over "full_var".

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> from phasescope.algebra.subgroups import generated
        >>> flips = cosets(generated(group("D3"), ["s"]), "left")
        >>> f = np.array([[5.0, 1, 2, 5, 1, 2.5]]).T
        >>> [round(float(coset_concentration(f, [flips], form)[0]), 4) for form in ("sum", "mean")]
        [0.037, 0.0123]
    """
    if not partitions:
        raise PhasescopeError("coset concentration needs at least one partition into cosets; got none")
    least = np.full(table.shape[1], np.inf)
    for partition in partitions:
        times = int(partition.max()) + 1 if form == "sum" else 1
        least = np.minimum(least, times * variance_within(table, partition))
    return least
