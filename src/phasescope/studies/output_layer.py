"""The output layer as a map: coloured by cosets of power2022's subgroup in S5, by residues mod 8 in C_n."""

import numpy as np
from matplotlib.figure import Figure

from phasescope.algebra.subgroups import generated
from phasescope.evidence.relabelling import Match
from phasescope.measures.context import Context
from phasescope.measures.output_map import POWER2022, coset_match, output_map, step_match
from phasescope.report.figures.output_map import output_map as draw
from phasescope.report.page import Plate

LINE_STEP = 8
"""What the lines of power2022's figure add."""


def output_layer(name: str, context: Context) -> list[Plate]:
    """Draw the map that power2022 shows of a task, with the number for how well its classes lie together.

    Args:
        name: What the figure's file begins with.
        context: A network; only products in S5 and sums mod p have such a map.

    Returns:
        One plate, or none for another task.

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
        return [_plate(name, figure, match, f"Lines add {LINE_STEP}.")]
    if group.name != "S5":
        return []
    found = coset_match(context, generated(group, POWER2022))
    names = [f"coset {number + 1}" for number in range(int(found.labels.max()) + 1)]
    figure = draw(output_map(context), found.labels, names, title=_finding(found.match))
    generators = " and ".join(POWER2022)
    which = f"{found.side.capitalize()} cosets of the best conjugate of the subgroup of {generators}."
    return [_plate(name, figure, found.match, which)]


def _plate(name: str, figure: Figure, match: Match, which: str) -> Plate:
    numbers = (
        f"Of an answer's nearest neighbours in the output layer itself {match.value:.1%} share its class; "
        f"{match.chance:.1%} by chance (p = {match.p:.3g} over relabellings, each given its best labelling)."
    )
    alt = "t-SNE map of the output layer, one point for each answer, in the colour of its class"
    return Plate(f"{name}-output-map", figure, alt, f"{which} {numbers}")


def _finding(match: Match) -> str:
    times = match.value / max(match.chance, 1e-12)
    return f"Neighbours in the output layer share a class {times:.1f} times as often as by chance"
