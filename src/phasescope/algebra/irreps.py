"""The irreducible representations of a finite group over the real numbers, as orthogonal matrices.

Named groups have theirs by formula: rotations for C_n, rotations and reflections for D_n, Young's orthogonal
form for S_n, its restriction for A_n, Kronecker products for direct products. Any other table gets them from
its regular representation. Whichever way, over the real numbers: a complex representation and its conjugate
are one here, of twice the dimension, as the two functions cos and sin of one frequency are.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from phasescope.algebra.groups import Group
from phasescope.algebra.named_groups import group as named_group
from phasescope.algebra.representations import (
    Representation,
    from_generators,
    regular,
    split,
    tensor_product,
)
from phasescope.algebra.young import adjacent_transpositions, conjugate, partitions
from phasescope.errors import PhasescopeError

LARGEST_UNNAMED = 256
"""Elements a group without a formula may have: its regular representation holds their cube."""


def irreps(group: Group) -> tuple[Representation, ...]:
    """Return every irreducible real representation of a group, once each.

    Args:
        group: A named group, or any table of at most 256 elements.

    Returns:
        The trivial one first, then by rising dimension. They are orthogonal to about fifteen digits, and the
        sum of d²/e is the order of the group.

    Raises:
        PhasescopeError: If the group has no formula and more than 256 elements.

    References:
        serre1977: Linear representations of finite groups, chapters 2, 5 and 13.2.
        james1981: The representation theory of the symmetric group, chapters 2 and 3.

    Example:
        >>> [(rho.name, rho.dimension) for rho in irreps(named_group("S4"))]
        [('trivial', 1), ('sign', 1), ('(2,2)', 2), ('(3,1)', 3), ('(2,1,1)', 3)]
        >>> [rho.name for rho in irreps(named_group("C5"))]
        ['trivial', 'k=1', 'k=2']
    """
    found = _by_formula(group)
    if found is None:
        if group.order > LARGEST_UNNAMED:
            raise PhasescopeError(
                f"irreps of a group without a formula need at most {LARGEST_UNNAMED} elements; "
                f"{group.name} has {group.order}"
            )
        found = _named_by_dimension(_different(split(regular(group))))
    trivial = [rho for rho in found if rho.is_trivial]
    others = sorted((rho for rho in found if not rho.is_trivial), key=lambda rho: rho.dimension)
    return (*(Representation("trivial", rho.matrices) for rho in trivial), *others)


def _by_formula(group: Group) -> list[Representation] | None:
    """The irreps of a group that is named and has the table of its name; None for any other."""
    try:
        same = named_group(group.name)
    except PhasescopeError:
        return None
    if same.order != group.order or (same.table != group.table).any():
        return None
    if "x" in group.name:
        left, _, right = group.name.rpartition("x")
        return _of_product(irreps(named_group(left)), irreps(named_group(right)))
    n = int(group.name[1:])
    match group.name[0]:
        case "C":
            return _cyclic(n)
        case "D":
            return _dihedral(n)
        case "S":
            return [_symmetric(group, n, shape) for shape in partitions(n)]
        case _:
            return _alternating(group, n)


def _cyclic(n: int) -> list[Representation]:
    """Rotations by k/n of a turn, and signs where that is a half turn or none."""
    residues = np.arange(n)
    found = [Representation("trivial", np.ones((n, 1, 1)))]
    found += [Representation(f"k={k}", _rotations(k * residues % n, n)) for k in range(1, (n + 1) // 2)]
    if n % 2 == 0:
        found.append(Representation(f"k={n // 2}", np.where(residues % 2, -1.0, 1.0)[:, None, None]))
    return found


def _dihedral(n: int) -> list[Representation]:
    """Rotations and reflections of the plane, and the signs of a turn and of a flip."""
    turn, flip = np.tile(np.arange(n), 2), np.repeat([1.0, -1.0], n)
    found = [Representation("trivial", np.ones((2 * n, 1, 1))), Representation("sign", flip[:, None, None])]
    if n % 2 == 0:
        turns = np.where(turn % 2, -1.0, 1.0)
        found += [
            Representation(f"k={n // 2}", turns[:, None, None]),
            Representation(f"k={n // 2} sign", (turns * flip)[:, None, None]),
        ]
    for k in range(1, (n + 1) // 2):
        plane = _rotations(k * turn % n, n)
        plane[n:, :, 1] *= -1.0  # s first reflects the second axis
        found.append(Representation(f"k={k}", plane))
    return found


def _rotations(steps: np.ndarray, n: int) -> Float64[np.ndarray, "g 2 2"]:
    """The rotation by steps/n of a turn; the angle was reduced in integers."""
    angle = 2 * np.pi * steps / n
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def _symmetric(group: Group, n: int, shape: tuple[int, ...]) -> Representation:
    """Young's orthogonal form of a partition, on every permutation."""
    transpositions = [group.labels.index(f"({i} {i + 1})") for i in range(n - 1)]
    generators = dict(zip(transpositions, adjacent_transpositions(shape), strict=True))
    name = "sign" if shape == (1,) * n else f"({','.join(map(str, shape))})"
    return Representation(name, from_generators(group, generators))


def _alternating(group: Group, n: int) -> list[Representation]:
    """Each partition restricted to even permutations; one that is its own conjugate falls in two.

    A partition and its conjugate differ by the sign alone, so that they are one here. The halves of a
    self-conjugate partition stay together over the real numbers where they are complex conjugates.
    """
    whole = named_group(f"S{n}")
    even = [whole.labels.index(label) for label in group.labels]
    found = []
    for shape in partitions(n):
        if shape < conjugate(shape):
            continue
        restricted = _symmetric(whole, n, shape)
        name = f"({','.join(map(str, shape))})"
        parts = split(restricted.matrices[even]) if shape == conjugate(shape) else [restricted.matrices[even]]
        halves = [name] if len(parts) == 1 else [f"{name}+", f"{name}-"]
        found += [Representation(half, part) for half, part in zip(halves, parts, strict=True)]
    return found


def _of_product(left: Sequence[Representation], right: Sequence[Representation]) -> list[Representation]:
    """Kronecker products; those of two representations that are not real fall apart further."""
    found = []
    for a in left:
        for b in right:
            both = tensor_product(a, b)
            if 1 in (a.indicator_dimension, b.indicator_dimension):
                found.append(both)
                continue
            parts = _different(split(both.matrices))
            names = [f"{both.name} {letter}" for letter in "abcdefgh"] if len(parts) > 1 else [both.name]
            found += [Representation(name, part) for name, part in zip(names, parts, strict=False)]
    return found


def _different(parts: list[Float64[np.ndarray, "g _ _"]]) -> list[Float64[np.ndarray, "g _ _"]]:
    """One of each class of equivalent representations: those of one character."""
    found: dict[bytes, Float64[np.ndarray, "g _ _"]] = {}
    for part in parts:
        character = np.round(np.trace(part, axis1=1, axis2=2), 6) + 0.0
        found.setdefault(character.tobytes(), part)
    return list(found.values())


def _named_by_dimension(parts: list[Float64[np.ndarray, "g _ _"]]) -> list[Representation]:
    """Names for representations that have none: the dimension, and a number where several share it."""
    counts: dict[int, int] = {}
    found = []
    for part in sorted(parts, key=lambda part: part.shape[1]):
        d = part.shape[1]
        counts[d] = counts.get(d, 0) + 1
        found.append(Representation(f"{d}d #{counts[d]}", part))
    return found
