"""The plain forward pass of a transformer, read wherever something is asked."""

from collections.abc import Mapping

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from phasescope.models.config import TransformerConfig
from phasescope.models.hooks import Tap, untapped
from phasescope.models.transformer import transformer_logits


class AskedForward:
    """The logits at the asked positions of a list of sequences, one row per question.

    Rows run through the examples, and through the positions of each.

    Args:
        config: The network.
        tokens: The inputs.
        asked: Where something is asked.

    Example:
        >>> import torch
        >>> from phasescope.models.build import build_model
        >>> from phasescope.models.config import Shape
        >>> config, shape = TransformerConfig(d_mlp=0, n_layers=2), Shape(d_vocab=5, d_vocab_out=5, n_ctx=4)
        >>> model, tokens = build_model(config, shape, seed=0), torch.tensor([[0, 1, 4, 2], [3, 3, 0, 1]])
        >>> asked = torch.tensor([[True, False, True, True], [False, False, False, True]])
        >>> AskedForward(config, tokens, asked).answer(dict(model.named_parameters())).shape
        torch.Size([4, 5])
    """

    name = "plain"

    def __init__(
        self, config: TransformerConfig, tokens: Int64[Tensor, "n pos"], asked: Bool[Tensor, "n pos"]
    ) -> None:
        self.config = config
        self.tokens = tokens
        self.asked = asked.flatten().nonzero().flatten()

    def answer(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, "question d_vocab_out"]:
        """Return the logits of every question."""
        return self._logits(parameters, untapped)

    def activations(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return every activation at every position, by name."""
        seen: dict[str, Tensor] = {}

        def record(name: str, value: Tensor) -> Tensor:
            seen[name] = value
            return value

        self._logits(parameters, record)
        return seen

    def _logits(self, parameters: Mapping[str, Tensor], tap: Tap) -> Float[Tensor, "question d_vocab_out"]:
        logits = transformer_logits(self.config, parameters, self.tokens, tap)
        return logits.flatten(0, 1).index_select(0, self.asked)
