"""Fixed positions: sines and cosines that are added, and turns of queries and keys."""

import torch
from jaxtyping import Float
from torch import Tensor


def sinusoidal_positions(n_ctx: int, d_model: int) -> Float[Tensor, "pos d_model"]:
    """Return the positions of Vaswani et al.: sines and cosines of geometrically falling rates.

    Columns 2i and 2i+1 hold sin and cos of ``pos / 10000**(2i / d_model)``.

    Args:
        n_ctx: Number of positions.
        d_model: Width, even.

    Returns:
        ``(pos, d_model)`` in float64, no unit.

    References:
        power2022: the fixed positions of the first grokking paper.

    Example:
        >>> import math
        >>> rows = sinusoidal_positions(2, 4)
        >>> rows[0].tolist(), abs(float(rows[1, 2]) - math.sin(1 / 100)) < 1e-15
        ([0.0, 1.0, 0.0, 1.0], True)
    """
    angles = _angles(n_ctx, d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(n_ctx, d_model)


def rotated(x: Float[Tensor, "batch pos head d_head"]) -> Float[Tensor, "batch pos head d_head"]:
    """Turn each pair of neighbouring entries of a query or key by an angle that grows with its position.

    Entries 2i and 2i+1 turn by ``pos / 10000**(2i / d_head)``, so that the product of a turned query and a
    turned key depends on where they stand by their distance alone.

    Args:
        x: Queries or keys, d_head even.

    References:
        su2021: RoFormer, rotary position embedding.

    Example:
        >>> rotated(torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]]]]))[0, 1, 0].tolist() == [
        ...     torch.tensor(1.0).cos().item(), torch.tensor(1.0).sin().item()]
        True
    """
    angles = _angles(x.shape[1], x.shape[3]).to(x)[:, None]
    even, odd = x[..., ::2], x[..., 1::2]
    turned = (even * angles.cos() - odd * angles.sin(), even * angles.sin() + odd * angles.cos())
    return torch.stack(turned, dim=-1).flatten(-2)


def _angles(n_ctx: int, width: int) -> Float[Tensor, "pos pair"]:
    """Position times rate, in radians, for each pair of columns."""
    rates = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.arange(n_ctx, dtype=torch.float64)[:, None] * rates
