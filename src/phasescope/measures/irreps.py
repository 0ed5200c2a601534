"""How far tables over a group follow its irreps: logits their characters, weights their matrix elements."""

from collections.abc import Mapping

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.algebra.groups import Group
from phasescope.algebra.representations import Representation

SMALLEST_SIMILARITY = 0.005
"""An irrep is key if the similarity of its character to the logits is above this (chughtai2023)."""


def character_coefficients(
    logits_by_product: Float64[Tensor, "g answer"], group: Group, irreps: Mapping[str, Representation]
) -> dict[str, float]:
    """Return the logits' coefficients along the characters of a b c⁻¹, each normalised over all (a, b, c).

    The characters of different irreps are orthogonal. What a network computes that embeds a and b as
    matrices, multiplies them and reads off every answer by a trace is tr rho(a) rho(b) rho(c⁻¹).

    Args:
        logits_by_product: The logits, averaged over the pairs of one product.
        group: The group.
        irreps: Irreps by name.

    Returns:
        A coefficient for each, in units of the logits times |G|^{3/2}. On C_n they are the cosine
        coefficients of frequency k.

    References:
        chughtai2023: section 5.1, "logit similarity".

    Example:
        >>> from phasescope.algebra.irreps import irreps
        >>> from phasescope.algebra.named_groups import group
        >>> g = group("S3")
        >>> sign = {rho.name: rho for rho in irreps(g)}["sign"]
        >>> table = 2 * torch.tensor(sign.character[g.table[:, g.inverse]])
        >>> round(character_coefficients(table, g, {"sign": sign})["sign"] / 6**1.5, 12)
        2.0
    """
    quotients = group.table[:, group.inverse]
    n = group.order
    found = {}
    for name, rho in irreps.items():
        cube = torch.tensor(rho.character[quotients])
        # every product has |G| pairs, in the inner product as in the norm
        found[name] = float((cube * logits_by_product).sum()) * n / (n**1.5 * rho.indicator_dimension**0.5)
    return found


def similar_irreps(coefficients: Mapping[str, float], norm: float) -> tuple[str, ...]:
    """Return the irreps whose share of the logits' norm is above 0.005, in the order given.

    Args:
        coefficients: The logits' coefficient along each character.
        norm: Norm of the centred logits over all pairs and answers.

    Returns:
        Names.

    Example:
        >>> similar_irreps({"sign": 0.004, "(4,1)": 0.7}, 1.0)
        ('(4,1)',)
    """
    return tuple(name for name, value in coefficients.items() if value > SMALLEST_SIMILARITY * norm)


def irrep_shares(
    table: Float64[Tensor, "g column"], projections: Mapping[str, Float64[Tensor, "g g"]]
) -> dict[str, float]:
    """Return which part of a table's squared norm lies in the span of each irrep's matrix elements.

    Args:
        table: One function on the group per column.
        projections: By irrep, the projection onto its matrix elements.

    Returns:
        Parts in [0, 1]; with the constant's they add up to 1. All 0 for a table of zeros.

    References:
        chughtai2023: "FVE" of embeddings and unembedding; the table is not centred.

    Example:
        >>> half = {"sign": torch.tensor([[0.5, -0.5], [-0.5, 0.5]]).double()}
        >>> irrep_shares(torch.tensor([[2.0], [0.0]]).double(), half)
        {'sign': 0.5}
    """
    total = float(table.square().sum()) or 1.0
    return {name: float((table * (project @ table)).sum()) / total for name, project in projections.items()}
