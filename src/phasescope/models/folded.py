"""The one-layer network without layer norm, folded: looked up and added, not multiplied out.

Write what the answer position sees before the MLP as a sum over the positions it attends to,
``resid = B + sum_{j,h} A_{jh} V_j W_O``. Each value row depends on one token alone, so the products
with ``W_O``, then with ``W_in`` (the MLP's input) and ``W_U`` (the skip path to the logits) are
taken once per token, not once per example. Each example adds up its rows, scaled by its attention
pattern; and ``W_out W_U`` is one small product. For the mainline this takes a step from 3.7 to
1.9 GFLOP. The function and its gradients are those of the plain model (tests hold the two together).

A position whose token never changes (the '=') needs no row of its own: an example's weights sum
to a known constant, so its rows are subtracted from the others and join what every example shares.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from phasescope.models.activations import activate, activate_in_place
from phasescope.models.config import Activation, Shape, TransformerConfig
from phasescope.models.hooks import untapped
from phasescope.models.row_sum import RowSum
from phasescope.models.transformer import Part, position_rows, unembed, unembedding


class FoldedForward:
    """The answer logits of a one-layer transformer without layer norm, for a fixed list of inputs.

    Args:
        config: One layer, no layer norm.
        shape: Vocabulary and context length.
        tokens: The inputs, ``(example, pos)``; the answer is read at the last position.

    Example:
        >>> from phasescope.models.build import build_model
        >>> config = TransformerConfig(d_model=8, n_heads=2, d_head=4, d_mlp=16)
        >>> shape = Shape(d_vocab=6, d_vocab_out=6, n_ctx=3)
        >>> model = build_model(config, shape, seed=0, dtype=torch.float64)
        >>> tokens = torch.tensor([[0, 1, 5], [4, 2, 5]])
        >>> folded = FoldedForward(config, shape, tokens).answer(dict(model.named_parameters()))
        >>> bool(torch.allclose(folded, model(tokens)[:, -1], rtol=1e-12))
        True
    """

    name = "folded"

    def __init__(self, config: TransformerConfig, shape: Shape, tokens: Int64[Tensor, "example pos"]) -> None:
        assert config.n_layers == 1, "a second layer does not fold"
        assert config.normalization == "none", "layer norm does not fold"
        self.config = config
        self.shape = shape
        distinct = [torch.unique(tokens[:, j], return_inverse=True) for j in range(shape.n_ctx)]
        self.vocabulary = [values for values, _ in distinct]
        self.index = [index for _, index in distinct]
        fixed = [j for j, values in enumerate(self.vocabulary) if len(values) == 1]
        self.subtracted = fixed[-1] if fixed else None
        self.summed = [j for j in range(shape.n_ctx) if j != self.subtracted]
        self.plan = self._plan()

    def _plan(self) -> RowSum:
        """Lay the table out: a block of rows per summed position and head, then the shared rows."""
        blocks = [(j, len(self.vocabulary[j])) for j in self.summed for _ in range(self.config.n_heads)]
        blocks.append((self.shape.n_ctx - 1, len(self.vocabulary[-1])))
        terms, first = [], 0
        for j, n_rows in blocks:
            terms.append(self.index[j] + first)
            first += n_rows
        return RowSum(torch.stack(terms, 1), n_rows=first)

    def answer(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, "example d_vocab_out"]:
        """Return the logits at the answer position, ``(example, d_vocab_out)``."""
        return self._pass(parameters, activate_in_place)["logits"]

    def activations(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what the answer position sees, under the field's names and without the pos axis.

        Besides ``blocks.0.attn.pattern (example, head, key)``, ``blocks.0.mlp.pre``, ``.post`` and
        ``logits`` there is ``skip``, the logits of the path around the MLP.
        """
        return self._pass(parameters, activate)

    def _pass(
        self, parameters: Mapping[str, Tensor], activate: Callable[[Activation, Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Compute everything; who needs the logits alone lets the non-linearity overwrite its input."""
        network = Part(parameters, untapped)
        attn, mlp = network.within("blocks.0.attn"), network.within("blocks.0.mlp")
        W_pos = position_rows(self.config, network, self.shape.n_ctx)
        W_U = unembedding(self.config, network)
        resid = [network["embed.W_E"][values] + W_pos[j] for j, values in enumerate(self.vocabulary)]
        pattern = self._pattern(attn, resid)
        attended, shared = self._table(attn, resid)
        one = torch.ones_like(pattern[0, :, :1])  # the shared row is read once, as it is
        weights = torch.cat([*(pattern[j] for j in self.summed), one], dim=1)

        into_mlp, skipping = shared @ mlp["W_in"], shared
        if self.config.mlp_bias:
            into_mlp, skipping = into_mlp + mlp["b_in"], skipping + mlp["b_out"]
        pre = self.plan(torch.cat([attended @ mlp["W_in"], into_mlp]), weights)
        skip = self.plan(torch.cat([attended @ W_U, unembed(self.config, network, skipping)]), weights)
        post = activate(self.config.activation, pre)
        return {
            "blocks.0.attn.pattern": pattern.permute(1, 2, 0),
            "blocks.0.mlp.pre": pre,
            "blocks.0.mlp.post": post,
            "skip": skip,
            "logits": torch.addmm(skip, post, mlp["W_out"] @ W_U),
        }

    def _pattern(self, attn: Part, resid: list[Tensor]) -> Float[Tensor, "key example head"]:
        """Attention of the answer position: scores are a table over (its token, the token attended to)."""
        queries = torch.einsum("qd,hde->qhe", resid[-1], attn["W_Q"])
        if self.config.attention_bias:
            queries = queries + attn["b_Q"]
        queries = queries / self.config.d_head**0.5
        scores = []
        for j, rows in enumerate(resid):
            keys = torch.einsum("kd,hde->khe", rows, attn["W_K"])
            if self.config.attention_bias:
                keys = keys + attn["b_K"]
            table = torch.einsum("qhe,khe->qkh", queries, keys).flatten(0, 1)
            scores.append(functional.embedding(self.index[-1] * len(rows) + self.index[j], table))
        softmax = torch.stack(scores).softmax(0)
        share = self.config.softmax_share
        return softmax if share == 1 else share * softmax + (1 - share)

    def _table(self, attn: Part, resid: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return what attention adds per (position, head, token), and what every example shares."""
        shared = resid[-1]
        values = [torch.einsum("kd,hde->hke", rows, attn["W_V"]) for rows in resid]
        if self.config.attention_bias:
            values = [v + attn["b_V"][:, None] for v in values]
            shared = shared + attn["b_O"]
        added = [torch.bmm(v, attn["W_O"]) for v in values]
        if self.subtracted is not None:
            fixed = added[self.subtracted]
            added = [rows - fixed for rows in added]
            total = self.config.softmax_share + (1 - self.config.softmax_share) * self.shape.n_ctx
            shared = shared + total * fixed.sum(0)
        return torch.cat([added[j].flatten(0, 1) for j in self.summed]), shared
