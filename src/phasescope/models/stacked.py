"""Many one-layer networks at once: their folded tables stand below each other, as one table.

A single network leaves most of a large machine idle. Side by side they are one: every example of every
member looks its rows up in one long table, and only the last product is taken member by member. So the
fold, its row sums and its gradients are those of ``FoldedForward``, and any device does.
"""

from collections.abc import Mapping
from functools import cached_property

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from phasescope.models.activations import activate_in_place
from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.folded import FoldedForward
from phasescope.models.row_sum import RowSum


class StackedFold:
    """The answer logits of several one-layer transformers without layer norm, each for inputs of its own.

    Args:
        config: One layer, no layer norm; the same for all.
        shape: Vocabulary and context length.
        tokens: The inputs, ``(member, example, pos)``; the answer is read at the last position.

    Example:
        >>> from phasescope.models.build import build_model
        >>> config = TransformerConfig(d_model=8, n_heads=2, d_head=4, d_mlp=16)
        >>> shape = Shape(d_vocab=6, d_vocab_out=6, n_ctx=3)
        >>> models = [build_model(config, shape, seed, dtype=torch.float64) for seed in (0, 1)]
        >>> tokens = torch.tensor([[[0, 1, 5], [4, 2, 5]], [[3, 3, 5], [0, 4, 5]]])
        >>> weights = [dict(model.named_parameters()) for model in models]
        >>> stacked = {name: torch.stack([one[name] for one in weights]) for name in weights[0]}
        >>> found = StackedFold(config, shape, tokens).answer(stacked)
        >>> alone = torch.stack([model(each)[:, -1] for model, each in zip(models, tokens)])
        >>> bool(torch.allclose(found, alone, rtol=1e-12))
        True
    """

    def __init__(
        self, config: TransformerConfig, shape: Shape, tokens: Int64[Tensor, "member example pos"]
    ) -> None:
        self.n_members, self.n_examples, _ = tokens.shape
        self.fold = FoldedForward(config, shape, tokens.flatten(0, 1))
        members = torch.arange(self.n_members, device=tokens.device)
        self.member = members.repeat_interleave(self.n_examples)[:, None]
        self.scored = self.fold.scored + self.member * (self.fold.n_shared * self.fold.n_rows)

    @cached_property
    def _plan(self) -> RowSum:
        """The rows of each member's examples: those of one network, further down by the tables above it."""
        terms, n_rows = self.fold.table_rows()
        return RowSum(terms + self.member * n_rows, self.n_members * n_rows)

    def answer(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, "member example d_vocab_out"]:
        """Return the logits at the answer position; every weight has a leading axis of members."""
        fold = self.fold
        tables = torch.func.vmap(fold.tables)(dict(parameters))
        _, weights = fold.reading(functional.embedding(self.scored, tables.scores.flatten(0, 1)))
        pre = self._plan(_below_each_other(tables.pre, tables.shared_pre), weights)
        skip = self._plan(_below_each_other(tables.skip, tables.shared_skip), weights)
        post = activate_in_place(fold.config.activation, pre)
        by_member = (self.n_members, self.n_examples, -1)
        return torch.baddbmm(skip.view(by_member), post.view(by_member), tables.product)


def _below_each_other(
    by_head: Float[Tensor, "member head row column"], shared: Float[Tensor, "member shared column"]
) -> Float[Tensor, "table_row column"]:
    """One table of all members: of each the rows of its heads, then those its examples share."""
    return torch.cat([by_head.flatten(1, 2), shared], 1).flatten(0, 1)
