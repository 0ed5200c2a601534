"""The answer position alone, everything computed once per distinct input to it.

In a causal network position 0 depends on the first token only: on a table of p x p inputs it takes
p different values, not p x p. In general, what stands at a position before block l depends on the
tokens it can have seen, so it is computed once for each distinct run of those tokens, and looked up.
Only the last block's answer position is computed for every input, and nothing after it but the logits.

The distinct rows of all positions stand in one table, so that a block is one product for each of its
matrices. This holds for every transformer of the house, layer norm included: layer norm works row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.hooks import untapped
from phasescope.models.transformer import Part, mlp, position_rows, unembed

_LONGEST_TABLE = 1 << 24


@dataclass(frozen=True)
class Rows:
    """The distinct contents of some positions, one below the other.

    Args:
        place: For each position, which row each example has there.
        example: For each row, one example that has it.
        position: For each row, where it stands.
    """

    place: Int64[Tensor, "pos example"]
    example: Int64[Tensor, " row"]
    position: Int64[Tensor, " row"]


@dataclass(frozen=True)
class Reads:
    """What each row that a block computes reads from the rows before it.

    Args:
        here: Its own row.
        keys: The row at each position that it attends to; 0 where it sees none.
        visible: Whether it sees that position.
    """

    here: Int64[Tensor, " row"]
    keys: Int64[Tensor, "row key"]
    visible: Bool[Tensor, "row key"]


def distinct_rows(seen: Sequence[Int64[Tensor, "example _"]]) -> Rows:
    """Find the distinct rows of what each position has seen, and put them into one table.

    Example:
        >>> tokens = torch.tensor([[3, 1], [2, 1], [3, 1]])
        >>> rows = distinct_rows([tokens[:, :1], tokens])
        >>> rows.place.tolist(), rows.example.tolist(), rows.position.tolist()
        ([[1, 0, 1], [3, 2, 3]], [1, 0, 1, 0], [0, 0, 1, 1])
    """
    places, examples, positions, n_rows = [], [], [], 0
    for position, tokens in enumerate(seen):
        index = _numbered(tokens)
        every = torch.arange(len(index))
        first = torch.full((int(index.max()) + 1,), len(index)).scatter_reduce(0, index, every, "amin")
        examples.append(first)
        positions.append(torch.full_like(first, position))
        places.append(index + n_rows)
        n_rows += len(first)
    return Rows(torch.stack(places), torch.cat(examples), torch.cat(positions))


def _numbered(tokens: Int64[Tensor, "example token"]) -> Int64[Tensor, " example"]:
    """Number the distinct rows of tokens from 0, the same number for the same row and no other."""
    number = torch.zeros_like(tokens[:, 0])
    for column in tokens.T:
        value = _renumbered(column)
        number = _renumbered(number * (int(value.max()) + 1) + value)
    return number


def _renumbered(codes: Int64[Tensor, " example"]) -> Int64[Tensor, " example"]:
    """Number the distinct codes from 0, in their order; by a table of all codes unless that is too long."""
    n_codes = int(codes.max()) + 1
    if n_codes > _LONGEST_TABLE:
        index: Int64[Tensor, " example"] = torch.unique(codes, return_inverse=True)[1]
        return index
    present = torch.zeros(n_codes, dtype=torch.bool)
    present[codes] = True
    return (present.cumsum(0) - 1)[codes]


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
        assert not config.smeared_keys, "only the plain path smears keys"
        self.config = config
        self.n_ctx = n_ctx = shape.n_ctx
        # before the first block a position depends on its own token, later on all it can see
        alone = distinct_rows([tokens[:, j : j + 1] for j in range(n_ctx)])
        self.tokens = tokens[alone.example, alone.position]
        self.positions = alone.position
        self.reads: list[Reads] = []
        before = alone
        if config.n_layers > 1:
            seen = distinct_rows([tokens[:, : i + 1] if config.causal else tokens for i in range(n_ctx)])
            for _ in range(config.n_layers - 1):
                self.reads.append(self._reads(before, seen.example, seen.position))
                before = seen
        everything = torch.arange(len(tokens))
        self.reads.append(self._reads(before, everything, torch.full_like(everything, n_ctx - 1)))

    def _reads(self, before: Rows, example: Int64[Tensor, " row"], position: Int64[Tensor, " row"]) -> Reads:
        """Look up what rows of these examples and positions read."""
        keys = before.place[:, example].T
        visible = torch.ones_like(keys, dtype=torch.bool)
        if self.config.causal:
            visible = torch.arange(self.n_ctx) <= position[:, None]
        here = keys.gather(1, position[:, None])[:, 0]
        return Reads(here, keys.where(visible, 0), visible)

    def answer(self, parameters: Mapping[str, Tensor]) -> Float[Tensor, "example d_vocab_out"]:
        """Return the logits at the answer position, ``(example, d_vocab_out)``."""
        return self.activations(parameters)["logits"]

    def activations(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the last block's pattern and MLP activations and the logits, at the answer position."""
        config = self.config
        seen: dict[str, Tensor] = {}

        def record(name: str, value: Tensor) -> Tensor:
            if name.endswith((".pattern", ".mlp.pre", ".mlp.post")):
                seen[name] = value
            return value

        network, watched = Part(parameters, untapped), Part(parameters, record)
        W_pos = position_rows(config, network, self.n_ctx)
        resid = functional.embedding(self.tokens, network["embed.W_E"])
        resid = resid + functional.embedding(self.positions, W_pos)
        for layer, reads in enumerate(self.reads):
            part = watched if layer == config.n_layers - 1 else network
            resid = self._block(part.within(f"blocks.{layer}"), reads, resid)
        if config.normalization == "pre":
            resid = self._layer_norm(network.within("ln_final"), resid)
        return seen | {"logits": unembed(config, network, resid)}

    def _block(
        self, block: Part, reads: Reads, resid: Float[Tensor, "before d_model"]
    ) -> Float[Tensor, "row d_model"]:
        """Compute one block for the rows that ``reads`` names."""

        def norm(when: str, name: str, value: Tensor) -> Tensor:
            wanted = self.config.normalization == when
            return self._layer_norm(block.within(name), value) if wanted else value

        attended = self._attention(block.within("attn"), reads, norm("pre", "ln1", resid))
        mid = norm("post", "ln1", functional.embedding(reads.here, resid) + attended)
        return norm("post", "ln2", mid + mlp(self.config, block.within("mlp"), norm("pre", "ln2", mid)))

    def _attention(
        self, attn: Part, reads: Reads, x: Float[Tensor, "before d_model"]
    ) -> Float[Tensor, "row d_model"]:
        """What each row reads from those it sees, each of which is projected once."""
        config = self.config
        by_head = (config.n_heads, config.d_head)
        if len(reads.here) < len(x):
            query = self._project(attn, "Q", functional.embedding(reads.here, x))
        else:
            query = functional.embedding(reads.here, self._project(attn, "Q", x))
        read = functional.embedding(reads.keys, self._project(attn, "KV", x))
        key, value = read.view(*reads.keys.shape, 2, *by_head).unbind(2)
        scaled = (query / config.d_head**0.5).view(-1, *by_head)
        scores = (scaled[:, None] * key).sum(-1).masked_fill(~reads.visible[..., None], -torch.inf)
        pattern, share = scores.softmax(1), config.softmax_share
        if share < 1:
            pattern = share * pattern + (1 - share) * reads.visible[..., None]
        pattern = attn.passing("pattern", pattern.mT).mT
        z = (pattern[..., None] * value).sum(1)
        out = z.flatten(1) @ attn["W_O"].flatten(0, 1)
        return out + attn["b_O"] if config.attention_bias else out

    def _project(
        self, attn: Part, letters: str, x: Float[Tensor, "before d_model"]
    ) -> Float[Tensor, "before columns"]:
        """Queries, keys or values of every head, side by side."""
        W = torch.cat([attn[f"W_{letter}"] for letter in letters])
        rows = x @ W.transpose(0, 1).flatten(1)
        if self.config.attention_bias:
            rows = rows + torch.cat([attn[f"b_{letter}"] for letter in letters]).flatten()
        return rows

    def _layer_norm(self, norm: Part, x: Float[Tensor, "row d_model"]) -> Float[Tensor, "row d_model"]:
        """Layer norm in one pass; ``transformer.layer_norm`` is its oracle."""
        width = (self.config.d_model,)
        eps = self.config.normalization_eps
        normalised: Tensor = functional.layer_norm(x, width, norm["w"], norm["b"], eps)
        return normalised
