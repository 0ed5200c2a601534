"""How far the neurons of an embedding MLP keep to cosets. Each sees an operand as a function on the group.

Neurons that see nothing, as weight decay leaves them behind, are not counted.
"""

import numpy as np
from jaxtyping import Float64

from phasescope.algebra.cosets import coset_concentration as least_ratio
from phasescope.measures.concentration import largest_cosets
from phasescope.measures.context import Context
from phasescope.measures.record import EMBEDDING_MLP, SUBGROUPS, measured

_STANDER = ("stander2023",)
_NEEDS = (SUBGROUPS, EMBEDDING_MLP)


@measured("coset concentration (as coded)", range=(0.0, None), references=_STANDER, needs=_NEEDS)
def coset_concentration_as_coded(context: Context) -> float:
    """Median over functions of the least sum of variances within cosets over the variance.

    The sum grows with the number of cosets: below 1 counts as concentrated, and noise has about 2.
    """
    return _median(least_ratio(_living(context), context.inputs.coset_partitions, "sum"))


@measured("concentrated (as coded)", range=(0.0, 1.0), references=_STANDER, needs=_NEEDS)
def coset_concentrated_share_as_coded(context: Context) -> float:
    """Part of the functions whose least sum of variances within cosets is below their variance."""
    return float((least_ratio(_living(context), context.inputs.coset_partitions, "sum") < 1).mean())


@measured("coset concentration", range=(0.0, None), references=_STANDER, needs=_NEEDS)
def coset_concentration(context: Context) -> float:
    """Median over functions of the least mean variance within cosets over the variance.

    The corrected form: 0 for functions of a coset alone, whatever the number of cosets.
    """
    return _median(least_ratio(_living(context), context.inputs.coset_partitions))


@measured("order of cosets' subgroup", range=(1.0, None), references=_STANDER, needs=_NEEDS)
def coset_order(context: Context) -> float:
    """Median over functions of the order of the largest subgroup whose cosets hold 95 % of the variance."""
    return _median(largest_cosets(_living(context), context.inputs).order.astype(float))


@measured(
    "cosets beyond chance",
    range=(0.0, 1.0),
    references=_STANDER,
    needs=_NEEDS,
    cost="a hundred random functions for each weight column: some ten seconds for S5",
)
def coset_concentrated_share(context: Context) -> float:
    """Part of the functions that keep to cosets as 99 of 100 random matrix elements of their irreps do not.

    Functions of one-dimensional irreps are not counted.
    """
    beyond = context.keeps_to_cosets
    return float(beyond.mean()) if len(beyond) else 0.0


def _living(context: Context) -> Float64[np.ndarray, "g column"]:
    values, alive = context.operand_tables
    return values[:, alive]


def _median(ratios: Float64[np.ndarray, " column"]) -> float:
    return float(np.median(ratios))
