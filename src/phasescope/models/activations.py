"""The four non-linearities of the literature."""

import torch
from jaxtyping import Float
from torch import Tensor

from phasescope.models.config import Activation


def activate(kind: Activation, pre: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Apply a non-linearity, element by element.

    Args:
        kind: ``relu`` max(x, 0), ``gelu`` the exact Gaussian one (not the tanh approximation),
            ``quadratic`` x**2, ``absolute`` |x|.
        pre: What goes in, of any shape.

    Returns:
        What comes out, of the same shape.

    Example:
        >>> [activate(kind, torch.tensor([-3.0, 2.0])).tolist() for kind in ("relu", "quadratic", "absolute")]
        [[0.0, 2.0], [9.0, 4.0], [3.0, 2.0]]
    """
    match kind:
        case "relu":
            return torch.relu(pre)
        case "gelu":
            return torch.nn.functional.gelu(pre)
        case "quadratic":
            return pre * pre
        case "absolute":
            return pre.abs()
