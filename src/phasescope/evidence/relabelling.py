"""How well points gather by their labels, against the same points with labels dealt anew."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.errors import PhasescopeError

DRAWS = 999
"""Relabellings: with these, p can be as small as one in a thousand."""


@dataclass(frozen=True)
class Match:
    """A number, and what relabelling makes of it.

    Attributes:
        value: What the points with their own labels have.
        which: Which of several labellings has it: the best one.
        chance: Mean over relabellings, each the best of as many labellings.
        highest: What one relabelling in a hundred exceeds.
        p: Part of all labellings, the true one among them, that are at least as good.
    """

    value: float
    which: int
    chance: float
    highest: float
    p: float


def neighbour_purity(points: Float64[np.ndarray, "point axis"], labels: Int64[np.ndarray, " point"]) -> float:
    """Return how many of each point's nearest neighbours share its label, on average.

    As many neighbours are asked for as others share the label, so that 1 is reached where every class is
    nearer to itself than to anything else.

    Args:
        points: Coordinates.
        labels: A class for each point.

    Returns:
        A part in [0, 1]; points alone in their class are not asked.

    Example:
        >>> neighbour_purity(np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1]))
        1.0
    """
    return _purity(_nearest_first(points), labels)


def best_purity(
    points: Float64[np.ndarray, "point axis"],
    labellings: Sequence[Int64[np.ndarray, " point"]],
    seed: int = 0,
) -> Match:
    """Return the best neighbour purity of several labellings, held against relabelled points.

    The best of many is high by luck. So each relabelling deals all labellings to the points in one new order
    and is given its best, too.

    Args:
        points: Coordinates.
        labellings: Classes of the points, several ways, such as the cosets of each conjugate subgroup.
        seed: Of the relabellings.

    Returns:
        The best, which it is, and how it stands against 999 relabellings.

    Raises:
        PhasescopeError: If there is no labelling.

    Example:
        >>> points = np.array([[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]])
        >>> found = best_purity(points, [np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 1, 1, 2, 2])])
        >>> found.value, found.which, found.p < 0.3
        (1.0, 1, True)
    """
    if not labellings:
        raise PhasescopeError("a match with labels needs at least one labelling; got none")
    nearest = _nearest_first(points)
    own = [_purity(nearest, labels) for labels in labellings]
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        order = generator.permutation(len(points))
        drawn.append(max(_purity(nearest, labels[order]) for labels in labellings))
    value = max(own)
    p = (1 + sum(one >= value for one in drawn)) / (1 + DRAWS)
    return Match(value, own.index(value), float(np.mean(drawn)), float(np.quantile(drawn, 0.99)), p)


def _nearest_first(points: Float64[np.ndarray, "point axis"]) -> Int64[np.ndarray, "point other"]:
    """For each point all others, the nearest first."""
    squares = np.square(points).sum(axis=1)
    distance = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(distance, -np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, 1:]


def _purity(nearest: Int64[np.ndarray, "point other"], labels: Int64[np.ndarray, " point"]) -> float:
    others = np.bincount(labels)[labels] - 1
    asked = np.arange(nearest.shape[1]) < others[:, None]
    same = (labels[nearest] == labels[:, None]) & asked
    social = others > 0
    return float((same.sum(axis=1)[social] / others[social]).mean())
