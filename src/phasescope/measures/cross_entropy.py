"""Cross-entropy of single examples, exact to the last digits however small it is."""

import math

import torch
from jaxtyping import Float64, Int64
from torch import Tensor


def cross_entropies(
    logits: Float64[Tensor, "example answer"], answers: Int64[Tensor, " example"]
) -> Float64[Tensor, " example"]:
    """Return each example's cross-entropy.

    Written as log(1 + e^-m) with the margin m = L_y - logsumexp of the other logits: a loss of 1e-30 keeps
    all its digits, where -log softmax rounds everything below 1e-16 to zero.

    Args:
        logits: Unnormalised log-probabilities.
        answers: The right column of each row.

    Returns:
        Cross-entropies in nats, one per row.

    Example:
        >>> cross_entropies(torch.tensor([[80.0, 0.0], [0.0, 0.0]]).double(), torch.tensor([0, 0]))
        tensor([1.8049e-35, 6.9315e-01], dtype=torch.float64)
    """
    right = answers[:, None]
    others = logits.scatter(1, right, -math.inf).logsumexp(1)
    margin = logits.gather(1, right)[:, 0] - others
    return torch.logaddexp(torch.zeros_like(margin), -margin)
