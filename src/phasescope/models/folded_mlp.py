"""The embedding MLP, folded: what each operand sends to the neurons is a table, looked up and added."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from phasescope.models.activations import activate
from phasescope.models.config import EmbeddingMLPConfig, Shape


class FoldedMLPForward:
    """The answer logits of an embedding MLP for a fixed list of inputs.

    Example:
        >>> from phasescope.models.build import build_model
        >>> config, shape = EmbeddingMLPConfig(), Shape(d_vocab=5, d_vocab_out=5, n_ctx=2)
        >>> model = build_model(config, shape, seed=0, dtype=torch.float64)
        >>> tokens = torch.tensor([[0, 1], [4, 2]])
        >>> folded = FoldedMLPForward(config, shape, tokens).answer(dict(model.named_parameters()))
        >>> bool(torch.allclose(folded, model.answer_logits(tokens), rtol=1e-12))
        True
    """

    name = "folded"

    def __init__(
        self, config: EmbeddingMLPConfig, shape: Shape, tokens: Int64[Tensor, "example pos"]
    ) -> None:
        self.config = config
        self.operands = tokens[:, list(shape.operand_positions)].unbind(1)

    def answer(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, "example d_vocab_out"]:
        """Return the logits, ``(example, d_vocab_out)``."""
        return self.activations(parameters)["logits"]

    def activations(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the hidden layer and the logits."""
        W_x = parameters["W_x"]
        tables = (W_x, W_x if self.config.tied else parameters["W_y"])
        if self.config.combine == "concat":
            halves = torch.split(parameters["W"], self.config.d_embed)
            tables = (tables[0] @ halves[0], tables[1] @ halves[1])
        pre = functional.embedding(self.operands[0], tables[0])
        pre = pre + functional.embedding(self.operands[1], tables[1])
        post = activate(self.config.activation, pre)
        return {"hidden.pre": pre, "hidden.post": post, "logits": post @ parameters["W_U"]}
