"""The fixed positions of the first transformers."""

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
    rates = 10_000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angles = torch.arange(n_ctx, dtype=torch.float64)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(n_ctx, d_model)
