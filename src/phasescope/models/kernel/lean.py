"""The lean pass with its products, attention and layer norm by the compiled kernel."""

import ctypes

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.kernel.crew import Crew
from phasescope.models.kernel.sublayers import KernelSublayers
from phasescope.models.lean import LeanForward, Reads
from phasescope.models.transformer import Part, unembedding


class CompiledLeanForward(LeanForward):
    """The answer logits of a transformer with ReLU, for a fixed list of inputs.

    Args:
        config: A transformer that ``fits``.
        shape: Vocabulary and context length.
        tokens: The inputs, ``(example, pos)``; the answer is read at the last position.
        library: The compiled kernel.
        crew: The threads to work with.
    """

    name = "compiled"

    def __init__(
        self,
        config: TransformerConfig,
        shape: Shape,
        tokens: Int64[Tensor, "example pos"],
        library: ctypes.CDLL,
        crew: Crew,
    ) -> None:
        super().__init__(config, shape, tokens)
        self.kernel = KernelSublayers(library, crew)

    @staticmethod
    def fits(config: TransformerConfig) -> bool:
        """Say whether the kernel knows this network: a ReLU, no biases but layer norm's, whole 64 bytes."""
        return (
            config.activation == "relu"
            and config.d_mlp > 0
            and not (config.attention_bias or config.mlp_bias or config.unembed_bias)
            and KernelSublayers.fits(config.d_model, config.d_head, config.d_mlp)
        )

    def _attention(
        self, attn: Part, reads: Reads, x: Float[Tensor, "before d_model"]
    ) -> Float[Tensor, "row d_model"]:
        """What each row reads; where few rows ask many, all is done on the side of those that ask."""
        config, product = self.config, self.kernel.product
        W_Q, W_K, W_V, W_O = (attn[f"W_{letter}"] for letter in "QKVO")
        scale, share = config.d_head**-0.5, config.softmax_share
        few = len(reads.here) < len(x)
        if few:
            # q . (x W_K) is (q W_K^T) . x, and what is read of x W_V is what is read of x, times W_V
            own = functional.embedding(reads.here, x)
            query = product(product(own, W_Q), W_K.mT)
            every = torch.arange(len(reads.here), dtype=torch.int32)
            found, pattern = self.kernel.attend(reads._replace(here=every), query, x[None], None, scale, share)
            z = product(found.transpose(0, 1), W_V).transpose(0, 1)
        else:
            query, key, value = (product(x, W) for W in (W_Q, W_K, W_V))
            z, pattern = self.kernel.attend(reads, query, key, value, scale, share)
        attn.passing("pattern", pattern.mT)
        return product(z.flatten(1), W_O.flatten(0, 1))

    def _mlp(self, part: Part, x: Float[Tensor, "row d_model"]) -> Float[Tensor, "row d_model"]:
        return self.kernel.product.neurons(x, part["W_in"], part["W_out"])

    def _layer_norm(
        self, norm: Part, x: Float[Tensor, "row d_model"], added: Float[Tensor, "row d_model"] | None = None
    ) -> Float[Tensor, "row d_model"]:
        return self.kernel.normalised(x, added, norm["w"], norm["b"], self.config.normalization_eps)

    def _unembed(
        self, network: Part, resid: Float[Tensor, "example d_model"]
    ) -> Float[Tensor, "example d_vocab_out"]:
        return self.kernel.product(resid, unembedding(self.config, network))
