"""A finite group as its multiplication table, checked when it is made."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from jaxtyping import Int64

from phasescope.errors import PhasescopeError

LARGEST_ORDER = 2_048
"""Elements a group may have: its table, and every pair of a task over it, is held in memory."""


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group whose elements are the integers 0 .. order - 1.

    ``table[i, j]`` is the product i*j. The axioms are checked when the record is made, so a Group
    that exists is a group; its arrays are read-only. Named groups come from ``named_groups``.

    Attributes:
        name: Short name, such as "S5".
        table: Cayley table, ``table[g, h] = g*h``.
        labels: What each element is called: a permutation in cycle notation, a power of r, a residue.
        identity: The element e with e*g = g*e = g.
        inverse: ``inverse[g]`` is the element with g * inverse[g] = e.

    Raises:
        PhasescopeError: If the table is not that of a group; the message says which axiom fails and where.

    Example:
        >>> klein = from_table([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]], name="V4")
        >>> klein.order, klein.identity, klein.is_abelian, klein.order_of_element(3)
        (4, 0, True, 2)
    """

    name: str
    table: Int64[np.ndarray, "g h"]
    labels: tuple[str, ...]
    identity: int = field(init=False)
    inverse: Int64[np.ndarray, " g"] = field(init=False)

    def __post_init__(self) -> None:
        """Check the axioms and derive the identity and the inverses."""
        table = self.table.copy()
        _check_closed(self.name, table)
        if len(self.labels) != len(table) or len(set(self.labels)) != len(table):
            raise PhasescopeError(
                f"group {self.name} needs {len(table)} different labels; "
                f"got {len(self.labels)}, of which {len(set(self.labels))} differ"
            )
        identity = _identity(self.name, table)
        inverse = _inverse(self.name, table, identity)
        _check_associative(self.name, table, identity)
        table.setflags(write=False)
        inverse.setflags(write=False)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "identity", identity)
        object.__setattr__(self, "inverse", inverse)

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.table)

    @property
    def is_abelian(self) -> bool:
        """Whether i*j = j*i for every pair."""
        return bool((self.table == self.table.T).all())

    def order_of_element(self, element: int) -> int:
        """Return the smallest n >= 1 for which the n-th power of an element is the identity.

        Args:
            element: Index of the element, 0 .. order - 1.

        Raises:
            PhasescopeError: If the group has no such element.

        Example:
            >>> from phasescope.algebra.named_groups import cyclic
            >>> [cyclic(6).order_of_element(g) for g in range(6)]
            [1, 6, 3, 2, 3, 6]
        """
        if not 0 <= element < self.order:
            raise PhasescopeError(f"{self.name} has the elements 0 to {self.order - 1}; got {element}")
        power, n = element, 1
        while power != self.identity:
            power, n = int(self.table[power, element]), n + 1
        return n


def from_table(
    table: npt.ArrayLike,
    labels: Sequence[str] | None = None,
    name: str = "group",
) -> Group:
    """Return the group with a given Cayley table.

    Args:
        table: ``table[i][j]`` is the product i*j; entries 0 .. order - 1. The identity may be any element.
        labels: What the elements are called; their numbers if left out.
        name: What the group is called.

    Returns:
        The group, its axioms checked.

    Raises:
        PhasescopeError: If the table is not square, or an axiom fails.

    Example:
        >>> from_table([[1, 0], [0, 1]]).identity
        1
        >>> from_table([[0, 1], [1, 1]])
        Traceback (most recent call last):
        ...
        phasescope.errors.PhasescopeError: group needs an inverse for every element; element 1 has none
    """
    try:
        entries = np.asarray(table)
    except ValueError:
        raise PhasescopeError(f"{name} needs a square table; got rows of different lengths") from None
    if entries.ndim != 2 or entries.dtype.kind not in "iu":
        raise PhasescopeError(
            f"{name} needs a square table of whole numbers; got shape {entries.shape} of {entries.dtype}"
        )
    if labels is None:
        labels = [str(g) for g in range(len(entries))]
    return Group(name, entries.astype(np.int64), tuple(labels))


def _check_closed(name: str, table: Int64[np.ndarray, "g h"]) -> None:
    """Refuse a table that is not square, too large, or leaves the set."""
    order = len(table)
    if table.shape != (order, order) or not 1 <= order <= LARGEST_ORDER:
        raise PhasescopeError(
            f"{name} needs a square table of 1 to {LARGEST_ORDER} elements; got shape {table.shape}"
        )
    outside = np.argwhere((table < 0) | (table >= order))
    if len(outside):
        i, j = (int(x) for x in outside[0])
        raise PhasescopeError(
            f"{name} needs products between 0 and {order - 1}; got {table[i, j]} at row {i}, column {j}"
        )


def _identity(name: str, table: Int64[np.ndarray, "g g"]) -> int:
    """The element that leaves every other alone from both sides."""
    elements = np.arange(len(table))
    neutral = (table == elements).all(axis=1) & (table == elements[:, None]).all(axis=0)
    if not neutral.any():
        raise PhasescopeError(
            f"{name} needs an identity; no element leaves all others as they are on both sides"
        )
    return int(neutral.argmax())


def _inverse(name: str, table: Int64[np.ndarray, "g g"], identity: int) -> Int64[np.ndarray, " g"]:
    """The two-sided inverse of every element."""
    cancels = table == identity
    cancels &= cancels.T
    without = np.flatnonzero(~cancels.any(axis=1))
    if len(without):
        raise PhasescopeError(f"{name} needs an inverse for every element; element {without[0]} has none")
    return np.asarray(cancels.argmax(axis=1), dtype=np.int64)


def _check_associative(name: str, table: Int64[np.ndarray, "g g"], identity: int) -> None:
    """Check (x*g)*y = x*(g*y) for all x, y and for g in a generating set only.

    That is enough (Light's test): the elements g that pass are closed under the product.
    """
    for g in _generators(table, identity):
        differs = table[table[:, g]] != table[:, table[g]]
        if differs.any():
            x, y = (int(i) for i in np.argwhere(differs)[0])
            raise PhasescopeError(
                f"{name} needs an associative product; ({x}*{g})*{y} differs from {x}*({g}*{y})"
            )


def _generators(table: Int64[np.ndarray, "g g"], identity: int) -> list[int]:
    """Elements whose products reach every element, taken greedily."""
    reached = np.zeros(len(table), dtype=bool)
    reached[identity] = True
    generators: list[int] = []
    while not reached.all():
        generators.append(int(reached.argmin()))
        reached[generators[-1]] = True
        n_before = 0
        while n_before < reached.sum():
            n_before = int(reached.sum())
            members = np.flatnonzero(reached)
            reached[table[np.ix_(members, members)]] = True
    return generators
