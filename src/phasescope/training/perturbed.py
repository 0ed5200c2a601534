"""Noise in the network while it trains: dropout, and weights that are never quite themselves.

Looks see the network without either.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from phasescope.models.config import TransformerConfig
from phasescope.models.transformer import transformer_logits


def noisy_weights(
    weights: Mapping[str, Tensor], deviation: float, random: torch.Generator
) -> dict[str, Tensor]:
    """Return weights with Gaussian noise added; gradients flow back to the weights themselves.

    Args:
        weights: By name.
        deviation: Standard deviation of the noise.
        random: Where the noise is drawn from, in the order of the weights.

    References:
        power2022: appendix A.1.2: W is replaced by W + 0.01 epsilon.

    Example:
        >>> found = noisy_weights({"w": torch.zeros(10_000)}, 0.01, torch.Generator().manual_seed(0))
        >>> f"{float(found['w'].std()):.3f}"
        '0.010'
    """
    return {
        name: weight + deviation * torch.randn(weight.shape, generator=random, dtype=weight.dtype)
        for name, weight in weights.items()
    }


class DroppedForward:
    """The plain forward pass with dropout on what each MLP adds to the residual stream.

    That is where the authors' code has it (``ffn_drop``). What is kept is scaled up by 1 / (1 - rate).

    Args:
        config: A transformer.
        tokens: The inputs.
        rate: Share that is dropped.
        random: Where the masks are drawn from; one forward pass uses it up.

    References:
        power2022: appendix A.1.2, residual dropout 0.1.
    """

    name = "plain"

    def __init__(
        self,
        config: TransformerConfig,
        tokens: Int64[Tensor, "example pos"],
        rate: float,
        random: torch.Generator,
    ) -> None:
        self.config = config
        self.tokens = tokens
        self.rate = rate
        self.random = random

    def answer(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, "example d_vocab_out"]:
        """Return the logits at the answer position, ``(example, d_vocab_out)``."""
        return self.activations(parameters)["logits"]

    def activations(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the logits at the answer position."""
        return {"logits": transformer_logits(self.config, parameters, self.tokens, self._drop)[:, -1]}

    def _drop(self, name: str, value: Tensor) -> Tensor:
        if not name.endswith(".mlp_out"):
            return value
        kept = torch.rand(value.shape, generator=self.random, dtype=value.dtype) >= self.rate
        return value * kept / (1 - self.rate)
