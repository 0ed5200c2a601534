"""The part of a value that lies in a subspace: what every projection of activations and weights rests on."""

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.errors import PhasescopeError

Directions = Float64[Tensor, "direction width"]
"""Vectors along the last axis of an activation or one axis of a weight; they need not be orthogonal."""

_DEPENDENT = 1e-10
"""Singular values below this part of the largest are rounding: such directions depend on the others."""


def component(name: str, value: Tensor, directions: Directions) -> Tensor:
    """Return the part of a value that lies in the span of some directions, along its last axis.

    Args:
        name: What the value is, for the refusal.
        value: An activation, or a weight.
        directions: What spans the subspace; dependent ones count once.

    Returns:
        A tensor of the value's shape.

    Raises:
        PhasescopeError: If the directions are not as wide as the value.

    Example:
        >>> along = torch.tensor([[2.0, 0.0], [4.0, 0.0]]).double()
        >>> component("embed", torch.tensor([[1.0, 5.0]]).double(), along).tolist()
        [[1.0, 0.0]]
    """
    if directions.ndim != 2 or directions.shape[1] != value.shape[-1]:
        raise PhasescopeError(
            f"{name} needs directions of shape (n, {value.shape[-1]}); got {tuple(directions.shape)}"
        )
    _, sizes, rows = torch.linalg.svd(directions, full_matrices=False)
    basis: Tensor = rows[sizes > _DEPENDENT * sizes.max()]
    return value @ basis.T @ basis
