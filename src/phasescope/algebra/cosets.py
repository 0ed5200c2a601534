"""Cosets of a subgroup, and how far a function on a group keeps to them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

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


class Concentration(NamedTuple):
    """How far each function keeps to the cosets that suit it best."""

    ratio: Float64[np.ndarray, " column"]
    """Variance within cosets over variance: 0 for a function of the coset, 1 for one that ignores it."""
    best: Int64[np.ndarray, " column"]
    """Which partition into cosets suits it best."""


def coset_concentration(
    table: Float64[np.ndarray, "g column"],
    partitions: Sequence[Int64[np.ndarray, " g"]],
    form: Form = "mean",
) -> Concentration:
    """Return the least variance within cosets over the variance of each function, over some partitions.

    The published code adds up the sample variances of all cosets ("sum"), so that a function that ignores
    the cosets has their number, not 1: only large subgroups can win, and being below 1 asks much more of a
    small one. The mean of the sample variances ("mean") is the usual analysis of variance with degrees of
    freedom counted: a function that ignores the cosets has 1 whatever their number. Being the least over
    many partitions, even noise falls below 1: compare with a null.

    Args:
        table: One function per column. One that is constant has the ratio 1.
        partitions: The coset of every element, such as from `cosets`; all cosets of one size, at least 2.
        form: "sum" or "mean".

    Returns:
        The ratios, and which partition gave each.

    References:
        stander2023: ``calculate_cosets.py``, "coset_cond_var" over "full_var".

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> from phasescope.algebra.subgroups import generated
        >>> flips = cosets(generated(group("D3"), ["s"]), "left")
        >>> f = np.array([[5.0, 1, 2, 5, 1, 2.5]]).T
        >>> [round(float(coset_concentration(f, [flips], form).ratio[0]), 4) for form in ("sum", "mean")]
        [0.037, 0.0123]
    """
    if not partitions:
        raise PhasescopeError("coset concentration needs at least one partition into cosets; got none")
    centred = table - table.mean(axis=0)
    variance = np.square(centred).sum(axis=0) / (len(table) - 1)
    varies = variance > 1e-24 * np.square(table).sum(axis=0)
    best, ratio = np.zeros(table.shape[1], dtype=np.int64), np.full(table.shape[1], np.inf)
    for i, partition in enumerate(partitions):
        n_cosets = int(partition.max()) + 1
        size = len(table) // n_cosets
        order = np.argsort(partition, kind="stable")
        within = centred[order].reshape(n_cosets, size, -1).var(axis=1, ddof=1)
        together = within.sum(axis=0) if form == "sum" else within.mean(axis=0)
        now = np.divide(together, variance, out=np.ones_like(variance), where=varies)
        better = now < ratio
        ratio[better], best[better] = now[better], i
    return Concentration(ratio, best)
