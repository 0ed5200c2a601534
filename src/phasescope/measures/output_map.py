"""A map of the output layer: what makes each answer, and whether the answers of a coset lie together."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.algebra.cosets import Side, cosets
from phasescope.algebra.subgroups import Subgroup
from phasescope.errors import PhasescopeError
from phasescope.evidence.relabelling import Match, best_purity
from phasescope.measures.context import Context

POWER2022 = ("(0 3)(1 4)", "(1 2)(3 4)")
"""Generators of the subgroup of S5 whose cosets power2022 shows; it has ten elements."""

FOUR_POINTS = ("(0 1 2)", "(0 1)(2 3)")
"""Generators of the even permutations of four points, A4.

Where an output layer holds an irrep's matrices, those of g and gh have the character of h as their inner
product. So the cosets of a subgroup lie together if the mean character of its elements, without the identity,
is high: here it is 8/11 in the four-dimensional irreps of S5, (4,1) and (2,1,1,1), and -5/11 in the
five-dimensional ones; for the subgroup of power2022 it is -4/9 and 5/9.
"""

PERPLEXITY = 20.0
"""Neighbours that t-SNE keeps near each answer, or a quarter of the answers if that is less."""


class CosetMatch(NamedTuple):
    """The cosets that lie together best, among those of all conjugates of a subgroup."""

    subgroup: Subgroup
    """The conjugate."""
    side: Side
    """Left or right cosets."""
    labels: Int64[np.ndarray, " g"]
    """Which coset each element is in."""
    match: Match
    """How pure each element's neighbourhood is, against relabelling."""


def output_vectors(context: Context) -> Float64[np.ndarray, "answer d_neck"]:
    """Return the weights that make each answer's logit, their mean over answers taken off.

    Args:
        context: Any network.

    Returns:
        The unembedding's columns, one row for each answer.

    References:
        power2022: figure 3, the output layer.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> output_vectors(Context(clock_transformer(13, [2]), task, parse_split("all").split(task))).shape
        (13, 11)
    """
    columns = context.W_U.T.numpy()
    return np.asarray(columns - columns.mean(axis=0))


def output_map(context: Context, seed: int = 0) -> Float64[np.ndarray, "answer 2"]:
    """Return a t-SNE map of the output layer, one point for each answer.

    Args:
        context: Any network.
        seed: Of the map; another gives another map of the same neighbourhoods.

    Returns:
        Coordinates, whose distances mean nothing beyond who is near whom.

    Raises:
        PhasescopeError: If scikit-learn is not installed, or there are fewer than eight answers.

    References:
        power2022: figure 3.
        vandermaaten2008: Visualizing data using t-SNE.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise PhasescopeError("t-SNE maps need scikit-learn; pip install 'phasescope[maps]'") from None
    vectors = output_vectors(context)
    if len(vectors) < 8:
        raise PhasescopeError(f"a t-SNE map needs at least 8 answers; {context.task.name} has {len(vectors)}")
    perplexity = min(PERPLEXITY, len(vectors) / 4)
    found = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)
    return np.asarray(found, dtype=np.float64)


def coset_match(
    context: Context, subgroup: Subgroup, points: Float64[np.ndarray, "answer axis"] | None = None
) -> CosetMatch:
    """Return which cosets of a subgroup's conjugates lie together best in the output layer, and how well.

    Args:
        context: A network that multiplies in the subgroup's group.
        subgroup: Any subgroup but the trivial one and the whole group.
        points: Where the answers lie, such as on a map; the output layer's own vectors, if left out.

    Returns:
        The best of all conjugates and both sides, against relabelled answers that choose among as many.

    Raises:
        PhasescopeError: If the group is not the task's.

    Example:
        >>> from phasescope.algebra.subgroups import generated
        >>> from phasescope.models.handmade_groups import coset_network
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a*b in S4", "a b").build()
        >>> flips = generated(task.group, ["(0 1)", "(2 3)"])
        >>> context = Context(coset_network(task.group, flips), task, parse_split("all").split(task))
        >>> found = coset_match(context, flips)
        >>> found.side, found.match.p < 0.01
        ('left', True)
    """
    if context.inputs.group is None or subgroup.group.order != context.inputs.group.order:
        raise PhasescopeError(
            f"cosets in {subgroup.group.name} need a network that multiplies there; got {context}"
        )
    sides: tuple[Side, ...] = ("left", "right")
    ways = [(conjugate, side) for conjugate in subgroup.conjugates for side in sides]
    labellings = [cosets(conjugate, side) for conjugate, side in ways]
    match = best_purity(output_vectors(context) if points is None else points, labellings)
    return CosetMatch(*ways[match.which], labellings[match.which], match)


def step_match(
    context: Context, step: int = 8, points: Float64[np.ndarray, "answer axis"] | None = None
) -> Match:
    """Return how well residues that are equal mod ``step`` lie together in the output layer.

    Where adding ``step`` is a small move, the residues x, x + step, x + 2 step and so on form a line.

    Args:
        context: A network whose answers are residues mod p.
        step: What a line adds.
        points: Where the answers lie; the output layer's own vectors, if left out.

    Returns:
        Neighbour purity of the labels x mod ``step``, against relabelling.

    Raises:
        PhasescopeError: If the task is not on Z_p.

    References:
        power2022: figure 3, lines that add 8, coloured by the residue mod 8.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 97").build()
        >>> turns_slowly_by_8 = clock_transformer(97, [12])  # 8 * 12 is 96, nearly a whole turn
        >>> context = Context(turns_slowly_by_8, task, parse_split("all").split(task))
        >>> found = step_match(context)
        >>> found.value > 0.6 > 0.3 > found.highest, found.p
        (True, 0.001)
    """
    if context.inputs.p is None:
        raise PhasescopeError(f"lines of residues need a task on Z_p; got {context}")
    where = output_vectors(context) if points is None else points
    return best_purity(where, [np.arange(context.p) % step])


def shortest_step(context: Context) -> int:
    """Return the number whose addition moves the answers least in the output layer, 1 to (p - 1) / 2.

    Which one it is depends on the frequencies that the network learnt: d is short where d k is near a
    multiple of p for each of them.

    Args:
        context: A network whose answers are residues mod p.

    Raises:
        PhasescopeError: If the task is not on Z_p.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 97").build()
        >>> shortest_step(Context(clock_transformer(97, [12]), task, parse_split("all").split(task)))
        8
    """
    if context.inputs.p is None:
        raise PhasescopeError(f"steps between residues need a task on Z_p; got {context}")
    vectors = output_vectors(context)
    moves = [
        np.square(np.roll(vectors, step, axis=0) - vectors).sum() for step in range(1, context.p // 2 + 1)
    ]
    return int(np.argmin(moves)) + 1
