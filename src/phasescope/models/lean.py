"""The answer position alone, everything computed once per distinct input to it.

In a causal network position 0 depends on the first token only: on a table of p x p inputs it takes
p different values, not p x p. In general, what stands at a position before block l depends on the
tokens it can have seen, so it is computed once for each distinct run of those tokens, and looked up.
Only the last block's answer position is computed for every input, and nothing after it but the logits.

This holds for every transformer of the house, layer norm included: layer norm works row by row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.hooks import untapped
from phasescope.models.transformer import Part, layer_norm, mlp, position_rows, unembed


@dataclass(frozen=True)
class Rows:
    """What stands at one position: its distinct contents, and which of them each example has."""

    index: Int64[Tensor, " example"]
    representative: Int64[Tensor, " row"]
    """For each distinct content, one example that has it."""


def distinct_rows(tokens: Int64[Tensor, "example pos"]) -> Rows:
    """Find the distinct rows of ``tokens``.

    Example:
        >>> rows = distinct_rows(torch.tensor([[3, 1], [2, 1], [3, 1]]))
        >>> rows.index.tolist(), rows.representative.tolist()
        ([1, 0, 1], [1, 0])
    """
    _, index = torch.unique(tokens, dim=0, return_inverse=True)
    order = torch.argsort(index, stable=True)
    counts = torch.bincount(index)
    return Rows(index, order[counts.cumsum(0) - counts])


class LeanForward:
    """The answer logits of any transformer of the house, for a fixed list of inputs.

    Args:
        config: Any transformer.
        shape: Vocabulary and context length.
        tokens: The inputs, ``(example, pos)``; the answer is read at the last position.

    Example:
        >>> from phasescope.models.build import build_model
        >>> config = TransformerConfig(n_layers=2, d_model=8, n_heads=2, d_head=4, d_mlp=16)
        >>> shape = Shape(d_vocab=6, d_vocab_out=6, n_ctx=3)
        >>> model = build_model(config, shape, seed=0, dtype=torch.float64)
        >>> tokens = torch.tensor([[0, 1, 5], [4, 2, 5], [0, 2, 5]])
        >>> lean = LeanForward(config, shape, tokens).answer(dict(model.named_parameters()))
        >>> bool(torch.allclose(lean, model(tokens)[:, -1], rtol=1e-12))
        True
    """

    name = "lean"

    def __init__(self, config: TransformerConfig, shape: Shape, tokens: Int64[Tensor, "example pos"]) -> None:
        self.config = config
        self.shape = shape
        self.tokens = tokens
        everything = torch.arange(len(tokens))
        self.answer_rows = Rows(everything, everything)
        # before the first block a position depends on its own token, later on all it can see
        alone = [distinct_rows(tokens[:, j : j + 1]) for j in range(shape.n_ctx)]
        seen = [distinct_rows(tokens[:, : self._n_visible(i)]) for i in range(shape.n_ctx)]
        self.rows = [alone] + [seen] * (config.n_layers - 1)

    def _n_visible(self, position: int) -> int:
        return position + 1 if self.config.causal else self.shape.n_ctx

    def answer(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, "example d_vocab_out"]:
        """Return the logits at the answer position, ``(example, d_vocab_out)``."""
        return self.activations(parameters)["logits"]

    def activations(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the last block's pattern and MLP activations and the logits, at the answer position."""
        config, last = self.config, self.shape.n_ctx - 1
        seen: dict[str, Tensor] = {}

        def record(name: str, value: Tensor) -> Tensor:
            if name.endswith((".pattern", ".mlp.pre", ".mlp.post")):
                seen[name] = value
            return value

        network = Part(parameters, untapped)
        W_pos = position_rows(config, network, self.shape.n_ctx)
        resid = [
            network["embed.W_E"][self.tokens[rows.representative, j]] + W_pos[j]
            for j, rows in enumerate(self.rows[0])
        ]
        for layer in range(config.n_layers - 1):
            block, targets = network.within(f"blocks.{layer}"), self.rows[layer + 1]
            resid = [self._block(block, layer, i, targets[i], resid) for i in range(last + 1)]
        layer = config.n_layers - 1
        watched = Part(parameters, record)
        final = self._block(watched.within(f"blocks.{layer}"), layer, last, self.answer_rows, resid)
        if config.normalization == "pre":
            final = layer_norm(config, network.within("ln_final"), final)
        return seen | {"logits": unembed(config, network, final)}

    def _block(
        self, block: Part, layer: int, i: int, target: Rows, resid: list[Tensor]
    ) -> Float[Tensor, "row d_model"]:
        """Compute one block at position ``i``, for the distinct rows of ``target``."""

        def norm(when: str, name: str, value: Tensor) -> Tensor:
            wanted = self.config.normalization == when
            return layer_norm(self.config, block.within(name), value) if wanted else value

        here = functional.embedding(self.rows[layer][i].index[target.representative], resid[i])
        into = [norm("pre", "ln1", rows) for rows in resid]
        attended = self._attention(block.within("attn"), layer, i, target, into)
        mid = norm("post", "ln1", here + attended)
        return norm("post", "ln2", mid + mlp(self.config, block.within("mlp"), norm("pre", "ln2", mid)))

    def _attention(
        self, attn: Part, layer: int, i: int, target: Rows, into: list[Tensor]
    ) -> Float[Tensor, "row d_model"]:
        """What position ``i`` reads from the positions it sees, each projected once per distinct row."""
        config = self.config

        def project(letter: str, j: int) -> Float[Tensor, "row head d_head"]:
            rows = torch.einsum("rd,hde->rhe", into[j], attn[f"W_{letter}"])
            if config.attention_bias:
                rows = rows + attn[f"b_{letter}"]
            looked_up = functional.embedding(
                self.rows[layer][j].index[target.representative], rows.flatten(1)
            )
            return looked_up.view(-1, config.n_heads, config.d_head)

        visible = range(self._n_visible(i))
        query = project("Q", i) / config.d_head**0.5
        softmax = torch.stack([(query * project("K", j)).sum(-1) for j in visible], -1).softmax(-1)
        pattern = config.softmax_share * softmax + (1 - config.softmax_share)
        pattern = attn.passing("pattern", pattern)
        z = torch.stack([pattern[:, :, j, None] * project("V", j) for j in visible]).sum(0)
        out = z.flatten(1) @ attn["W_O"].flatten(0, 1)
        return out + attn["b_O"] if config.attention_bias else out
