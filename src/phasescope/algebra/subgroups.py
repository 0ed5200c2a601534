"""Every subgroup of a finite group, up to conjugacy and in full."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int64

from phasescope.algebra.groups import Group
from phasescope.errors import PhasescopeError

MOST_SUBGROUPS = 20_000
"""Subgroups a group may have before the search gives up (S6 has 1,455, C2^7 has 29,212)."""


@dataclass(frozen=True, eq=False)
class Subgroup:
    """A subgroup, as the elements it has.

    Attributes:
        group: The group around it.
        elements: Its elements in rising order.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> klein = generated(group("S4"), ["(0 1)(2 3)", "(0 2)(1 3)"])
        >>> klein.order, klein.is_normal, [klein.group.labels[g] for g in klein.elements]
        (4, True, ['()', '(0 1)(2 3)', '(0 2)(1 3)', '(0 3)(1 2)'])
    """

    group: Group
    elements: tuple[int, ...]

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.elements)

    @cached_property
    def conjugates(self) -> tuple["Subgroup", ...]:
        """Every different g H g⁻¹, itself first."""
        table, inverse = self.group.table, self.group.inverse
        images = np.sort(table[table[:, list(self.elements)], inverse[:, None]], axis=1)
        different = dict.fromkeys([self.elements, *map(tuple, images.tolist())])
        return tuple(Subgroup(self.group, elements) for elements in different)

    @property
    def is_normal(self) -> bool:
        """Whether it is its own only conjugate."""
        return len(self.conjugates) == 1

    @property
    def core(self) -> tuple[int, ...]:
        """The elements that all its conjugates share: what acting on its cosets does not show."""
        shared = set(self.elements).intersection(*(other.elements for other in self.conjugates))
        return tuple(sorted(shared))


def generated(group: Group, generators: Iterable[int | str]) -> Subgroup:
    """Return the subgroup that some elements generate.

    Args:
        group: The group.
        generators: Elements, by number or by label.

    Returns:
        The smallest subgroup that has them.

    Raises:
        PhasescopeError: If the group has no such element.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> generated(group("S5"), ["(0 3)(1 4)", "(1 2)(3 4)"]).order  # power2022, figure 3
        10
    """
    generators = list(generators)
    known = {label: g for g, label in enumerate(group.labels)}
    numbers = [known.get(g, -1) if isinstance(g, str) else int(g) for g in generators]
    for asked, number in zip(generators, numbers, strict=True):
        if not 0 <= number < group.order:
            raise PhasescopeError(
                f"{group.name} has the elements 0 to {group.order - 1}, or their labels; got {asked!r:.60}"
            )
    inside = np.zeros(group.order, dtype=bool)
    inside[group.identity] = True
    return Subgroup(group, _elements(_closure(group, inside, numbers)))


def subgroup_classes(group: Group, most: int = MOST_SUBGROUPS) -> tuple[Subgroup, ...]:
    """Return one subgroup of each conjugacy class, by rising order.

    A subgroup is reached from a smaller one by one more element, and up to conjugacy from one representative
    of the smaller one's class: so every representative is extended by a generator of every cyclic subgroup.

    Args:
        group: The group.
        most: How many subgroups, conjugates counted, it may have.

    Returns:
        Representatives; the trivial subgroup first, the whole group last.

    Raises:
        PhasescopeError: If there are more subgroups.

    References:
        neubueser1960: Untersuchungen des Untergruppenverbandes endlicher Gruppen.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> classes = subgroup_classes(group("S4"))
        >>> len(classes), sum(len(one.conjugates) for one in classes)
        (11, 30)
    """
    trivial = Subgroup(group, (group.identity,))
    found, known, waiting = [trivial], {trivial.elements}, [trivial]
    steps = _one_of_each_cyclic(group)
    while waiting:
        smaller = waiting.pop()
        inside = np.zeros(group.order, dtype=bool)
        inside[list(smaller.elements)] = True
        for g in steps:
            if inside[g]:
                continue
            larger = Subgroup(group, _elements(_closure(group, inside, [g])))
            if larger.elements in known:
                continue
            known.update(other.elements for other in larger.conjugates)
            if len(known) > most:
                raise PhasescopeError(
                    f"subgroups are listed where there are at most {most}; {group.name} has more"
                )
            found.append(larger)
            waiting.append(larger)
    return tuple(sorted(found, key=lambda one: (one.order, one.elements)))


def all_subgroups(group: Group, most: int = MOST_SUBGROUPS) -> tuple[Subgroup, ...]:
    """Return every subgroup of a group, class by class.

    Args:
        group: The group.
        most: How many it may have.

    Returns:
        All conjugates of every class.

    Raises:
        PhasescopeError: If there are more.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> len(all_subgroups(group("D4"))), len(all_subgroups(group("C113")))
        (10, 2)
    """
    return tuple(other for one in subgroup_classes(group, most) for other in one.conjugates)


def _closure(group: Group, inside: Bool[np.ndarray, " g"], more: Iterable[int]) -> Bool[np.ndarray, " g"]:
    """The subgroup that a subgroup and some elements generate: products with generators, till none is new."""
    closed = inside.copy()
    generators = [*more, *np.flatnonzero(inside).tolist()]
    frontier = np.flatnonzero(closed)
    while len(frontier):
        products = np.zeros_like(closed)
        products[group.table[frontier[:, None], generators]] = True
        frontier = np.flatnonzero(products & ~closed)
        closed[frontier] = True
    return closed


def _one_of_each_cyclic(group: Group) -> list[int]:
    """One generator of every cyclic subgroup: two generators of one extend a subgroup alike."""
    found: dict[tuple[int, ...], int] = {}
    nothing = np.arange(group.order) == group.identity
    for g in range(group.order):
        found.setdefault(_elements(_closure(group, nothing, [g])), g)
    return list(found.values())


def _elements(inside: Bool[np.ndarray, " g"]) -> tuple[int, ...]:
    numbers: Int64[np.ndarray, " g"] = np.flatnonzero(inside)
    return tuple(numbers.tolist())
