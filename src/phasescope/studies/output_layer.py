"""The output layer as a map: coloured by cosets of two subgroups in S5, by residues mod 8 in C_n."""

import numpy as np
from matplotlib.figure import Figure

from phasescope.algebra.subgroups import generated
from phasescope.evidence.relabelling import Match
from phasescope.measures.context import Context
from phasescope.measures.output_map import (
    FOUR_POINTS,
    POWER2022,
    coset_match,
    output_map,
    shortest_step,
    step_match,
)
from phasescope.report.figures.output_map import output_map as draw
from phasescope.report.page import Plate

LINE_STEP = 8
"""What the lines of power2022's figure add."""


def output_layer(name: str, context: Context) -> list[Plate]:
    """Draw the map that power2022 shows of a task, with the number for how well its classes lie together.

    In S5 the subgroup of the paper shows five-dimensional irreps; the second map is of the one that shows
    four-dimensional irreps.

    Args:
        name: What the figure's file begins with.
        context: A network; only products in S5 and sums mod p have such a map.

    Returns:
        One plate, two for S5, none for another task.

    Raises:
        PhasescopeError: If scikit-learn is not installed.

    References:
        power2022: figure 3.
    """
    group = context.inputs.group
    if group is None:
        return []
    if context.inputs.p is not None:
        match = step_match(context, LINE_STEP)
        names = [f"{residue} mod {LINE_STEP}" for residue in range(LINE_STEP)]
        labels = np.arange(context.p) % LINE_STEP
        figure = draw(output_map(context), labels, names, line_step=LINE_STEP, title=_finding(match))
        shortest = shortest_step(context)
        which = (
            f"Lines add {LINE_STEP}, as in the paper; the shortest way in this network is to add {shortest}."
        )
        return [_plate(f"{name}-output-map", figure, match, which)]
    if group.name != "S5":
        return []
    points = output_map(context)
    plates = []
    for ending, generators in (("output-map", POWER2022), ("output-map-four-points", FOUR_POINTS)):
        found = coset_match(context, generated(group, generators))
        names = [f"coset {number + 1}" for number in range(int(found.labels.max()) + 1)]
        figure = draw(points, found.labels, names, title=_finding(found.match))
        subgroup = " and ".join(generators)
        which = f"{found.side.capitalize()} cosets of the best conjugate of the subgroup of {subgroup}."
        plates.append(_plate(f"{name}-{ending}", figure, found.match, which))
    return plates


def _plate(name: str, figure: Figure, match: Match, which: str) -> Plate:
    numbers = (
        f"Of an answer's nearest neighbours in the output layer itself {match.value:.1%} share its class; "
        f"{match.chance:.1%} by chance (p = {match.p:.3g} over relabellings, each given its best labelling)."
    )
    alt = "t-SNE map of the output layer, one point for each answer, in the colour of its class"
    return Plate(name, figure, alt, f"{which} {numbers}")


def _finding(match: Match) -> str:
    times = match.value / max(match.chance, 1e-12)
    return f"Neighbours in the output layer share a class {times:.1f} times as often as by chance"
