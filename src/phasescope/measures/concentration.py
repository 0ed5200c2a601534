"""What each neuron of an embedding MLP sees of an operand, and how far that keeps to cosets, against chance.

Chance is a matrix element of the same irreps in a random basis: what a network would have that multiplies
representation matrices, without any regard for cosets.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from phasescope.algebra.cosets import coset_concentration, variance_within
from phasescope.algebra.group_fourier import power
from phasescope.algebra.representations import Representation
from phasescope.measures.inputs import Inputs

ALIVE = 1e-4
"""A neuron sees an operand if the deviation of its table exceeds this part of the largest one's."""

UNEXPLAINED = 0.05
"""A function keeps to cosets whose members differ by no more than this part of its variance."""

OF_MATRICES = 0.5
"""A function can tell matrices from cosets if irreps of more than one dimension hold this part of it."""

ROUNDING = 1e-9
"""Ratios below this are alike: every element of an irrep is constant on the cosets of its kernel."""

NULL_DRAWS = 100
BY_CHANCE = 0.01
"""Random matrix elements for each function, and the part of them that may keep to cosets as large."""


class Tables(NamedTuple):
    """What the neurons see of the operands, one function on the group per column."""

    values: Float64[np.ndarray, "g column"]
    """The left operand's tables, then the right one's."""
    alive: Bool[np.ndarray, " column"]
    """Whether the function varies more than rounding and decay leave behind."""


def operand_tables(left: Float64[np.ndarray, "g neuron"], right: Float64[np.ndarray, "g neuron"]) -> Tables:
    """Return what each neuron sees of each operand: two functions on the group per neuron.

    Args:
        left: What the left operand adds to each neuron.
        right: Likewise for the right one.

    Returns:
        Twice as many columns as neurons.

    Example:
        >>> operand_tables(np.array([[1.0], [2.0]]), np.array([[3.0], [3.0]])).alive.tolist()
        [True, False]
    """
    values = np.concatenate([left, right], axis=1)
    deviation = values.std(axis=0)
    return Tables(values, deviation > ALIVE * max(float(deviation.max()), 1e-300))


def random_elements(
    powers: Mapping[str, Float64[np.ndarray, " column"]], irreps: Sequence[Representation], seed: int = 0
) -> Float64[np.ndarray, "g column"]:
    """Return random functions of given power in each irrep, in which they are a matrix element u' rho(g) v.

    Args:
        powers: By irrep, the power of each function, as ``group_fourier.power`` gives it.
        irreps: The group's irreps, without the trivial one.
        seed: Of the vectors u and v.

    Returns:
        One function per column, without a mean.

    Example:
        >>> from phasescope.algebra.irreps import irreps
        >>> from phasescope.algebra.named_groups import group
        >>> reps = irreps(group("S4"))[1:]
        >>> powers = power(np.random.default_rng(1).normal(size=(24, 1)), reps)
        >>> found = power(random_elements(powers, reps), reps)
        >>> all(np.allclose(found[name], wanted) for name, wanted in powers.items())
        True
    """
    generator = np.random.default_rng(seed)
    parts = []
    for rho in irreps:
        u, v = generator.normal(size=(2, rho.dimension, len(powers[rho.name])))
        element = np.einsum("gij,ic,jc->gc", rho.matrices, u, v, optimize=True)
        parts.append(element * np.sqrt(powers[rho.name] / np.square(element).sum(axis=0)))
    total: np.ndarray = np.sum(parts, axis=0)
    return total


class Cosets(NamedTuple):
    """The largest cosets that each function keeps to."""

    order: Int64[np.ndarray, " column"]
    """Order of the largest proper subgroup whose cosets hold 95 % of the variance; 1 if none's do."""
    ratio: Float64[np.ndarray, " column"]
    """The variance within those cosets over the variance; 1 if there are none."""
    place: Int64[np.ndarray, " column"]
    """Which of the group's partitions they are; -1 if there are none."""


def largest_cosets(values: Float64[np.ndarray, "g column"], inputs: Inputs) -> Cosets:
    """Return the largest cosets that hold 95 % of each function's variance.

    Args:
        values: One function per column.
        inputs: What is known of the group.

    Returns:
        Their subgroup's order, and how well the best cosets of that order do.
    """
    columns = values.shape[1]
    order, ratio = np.ones(columns, dtype=np.int64), np.ones(columns)
    place = np.full(columns, -1, dtype=np.int64)
    for size, places in _by_order(inputs).items():
        open_ = np.flatnonzero(order == 1)
        within = np.stack([variance_within(values[:, open_], inputs.coset_partitions[i]) for i in places])
        best, least = within.argmin(axis=0), within.min(axis=0)
        holds = least <= UNEXPLAINED
        order[open_[holds]], ratio[open_[holds]] = size, least[holds]
        place[open_[holds]] = np.array(places)[best[holds]]
    return Cosets(order, ratio, place)


def keeps_to_cosets(tables: Tables, inputs: Inputs) -> Bool[np.ndarray, " column"]:
    """Say of each function the neurons see whether it keeps to cosets as large as well as no chance would.

    A function is compared with 100 random matrix elements of its own irreps: at most one of them may keep
    to cosets that are as large, as well as the function does. Left out are functions that do not live, and
    those of one-dimensional irreps: such are functions of cosets already, and cannot tell.

    Args:
        tables: What the neurons see.
        inputs: What is known of the group, which has proper subgroups.

    Returns:
        One entry for each function that can tell; possibly none.
    """
    values, alive = tables
    reps = list(inputs.irreps.values())
    powers = power(values, reps)
    of_matrices = sum((powers[rho.name] for rho in reps if rho.dimension > 1), np.zeros(values.shape[1]))
    total = np.square(values - values.mean(axis=0)).sum(axis=0)
    tells = alive & (of_matrices > OF_MATRICES * total)
    living, powers = values[:, tells], {name: of_all[tells] for name, of_all in powers.items()}
    found = largest_cosets(living, inputs)
    beyond = np.zeros(len(found.order), dtype=bool)
    for order in np.unique(found.order[found.order > 1]):
        these = np.flatnonzero(found.order == order)
        as_large = [
            inputs.coset_partitions[place]
            for size, places in _by_order(inputs).items()
            if size >= order
            for place in places
        ]
        n_as_good = np.zeros(len(these))
        for seed in range(NULL_DRAWS):
            by_chance = random_elements({n: p[these] for n, p in powers.items()}, reps, seed)
            bound = np.maximum(found.ratio[these], ROUNDING)
            n_as_good += coset_concentration(by_chance, as_large) <= bound
        beyond[these] = n_as_good <= NULL_DRAWS * BY_CHANCE
    return beyond


def _by_order(inputs: Inputs) -> dict[int, list[int]]:
    """By the order of a subgroup, the largest first, which partitions are into its left and right cosets."""
    found: dict[int, list[int]] = {}
    for place in range(len(inputs.coset_partitions)):
        found.setdefault(inputs.subgroups[place // 2].order, []).append(place)
    return dict(sorted(found.items(), reverse=True))
