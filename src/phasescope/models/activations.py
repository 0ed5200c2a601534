"""The four non-linearities of the literature."""

from typing import Any

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


def activate_in_place(kind: Activation, pre: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Apply a non-linearity and overwrite what goes in, where that saves a pass through memory.

    Args:
        kind: As for ``activate``.
        pre: What goes in; nobody may need it afterwards, nor the gradient of what comes out.

    Returns:
        What comes out.

    Example:
        >>> pre = torch.tensor([-3.0, 2.0])
        >>> activate_in_place("relu", pre).tolist(), pre.tolist()
        ([0.0, 2.0], [0.0, 2.0])
    """
    if kind != "relu":
        return activate(kind, pre)
    post: Tensor = _ReluInPlace.apply(pre)  # type: ignore[no-untyped-call]
    return post


class _ReluInPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor) -> Tensor:
        ctx.mark_dirty(pre)
        post = pre.relu_()
        ctx.save_for_backward(post)
        return post

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (post,) = ctx.saved_tensors
        gradient = gradients[0]
        torch.ops.aten.threshold_backward.grad_input(gradient, post, 0, grad_input=gradient)
        return gradient
