"""A softmax that grows linearly, so that float32 does not round small losses to nothing."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def stablemax_cross_entropy(
    logits: Float[Tensor, "example d_vocab_out"],
    answers: Int64[Tensor, " example"],
    dtype: torch.dtype = torch.float64,
) -> Float[Tensor, ""]:
    """Return the mean of ``-log(s(z_answer) / sum s(z))``, in nats, computed in ``dtype``.

    s(x) is x + 1 from 0 on and 1 / (1 - x) below.

    Args:
        logits: One row an example.
        answers: The right output of each.
        dtype: Precision of s and of the mean.

    References:
        prieto2025: Grokking at the edge of numerical stability (2501.04697), StableMax.

    Example:
        >>> loss = stablemax_cross_entropy(torch.tensor([[3.0, 0.0, -1.0]]), torch.tensor([0]))
        >>> f"{loss.item():.6f}", f"{-torch.tensor(4 / 5.5).log().item():.6f}"
        ('0.318454', '0.318454')
    """
    z = logits.to(dtype)
    s = torch.where(z >= 0, z.clamp(min=0) + 1, 1 / (1 - z.clamp(max=0)))
    of_answer = s.gather(1, answers[:, None])[:, 0]
    return (s.sum(1).log() - of_answer.log()).mean()
