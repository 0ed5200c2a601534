"""Which irreps a network's weights are made of, at one checkpoint."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from phasescope.algebra.group_fourier import power
from phasescope.algebra.representations import Representation
from phasescope.viewer.forward import Weights

Tables = dict[str, Float64[np.ndarray, "row column"]]


def irrep_shares(
    tables: Mapping[str, Float64[np.ndarray, "row column"]], irreps: Sequence[Representation]
) -> dict[str, Float64[np.ndarray, " irrep"]]:
    """Return which part of a table's squared norm lies in each irrep's matrix elements.

    Args:
        tables: By name, one function on the group per column; rows beyond its elements are left out.
        irreps: All irreps of the group.

    Returns:
        By name of the table a part for each irrep, the trivial one too: they add up to 1.

    References:
        chughtai2023: "FVE" of embeddings and unembedding.

    Example:
        >>> from phasescope.algebra.irreps import irreps
        >>> from phasescope.algebra.named_groups import group
        >>> irrep_shares({"W_E": np.array([[1.0], [-1.0]])}, irreps(group("C2")))["W_E"].tolist()
        [0.0, 1.0]
    """
    found = {}
    for name, table in tables.items():
        own = table[: len(irreps[0].matrices)]
        of_irrep, total = power(own, irreps), float((own**2).sum()) or 1.0
        found[name] = np.array([of_irrep[rho.name].sum() / total for rho in irreps])
    return found


def operand_tables(weights: Weights) -> Tables:
    """Return the tables of both operands: W_E, or what each adds to every neuron of an embedding MLP.

    Example:
        >>> w = {"W_x": np.ones((3, 1)), "W_y": np.ones((3, 1)), "W": np.array([[1.0, 2], [3, 4]])}
        >>> {name: table[0].tolist() for name, table in operand_tables(w).items()}
        {'W_a': [1.0, 2.0], 'W_b': [3.0, 4.0]}
    """
    if "embed.W_E" in weights:
        return {"W_E": weights["embed.W_E"]}
    if "W_x" not in weights:
        return {}
    left, right = weights["W_x"], weights.get("W_y", weights["W_x"])
    if "W" in weights:  # side by side, each with its half of W; otherwise they are added as they are
        width = left.shape[1]
        left, right = left @ weights["W"][:width], right @ weights["W"][width:]
    return {"W_a": left, "W_b": right}
