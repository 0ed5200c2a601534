"""What a head attends to, and what it copies: the evaluators of Olsson et al."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from phasescope.errors import PhasescopeError
from phasescope.models.model import Model
from phasescope.models.transformer import Transformer
from phasescope.streams import stream_of

Where = Callable[[Int64[Tensor, "n pos"]], Bool[Tensor, "n query key"]]
"""Which keys count for each query, from the tokens alone."""


def previous_token(tokens: Int64[Tensor, "n pos"]) -> Bool[Tensor, "n query key"]:
    """Mark the position before each.

    Example:
        >>> previous_token(torch.tensor([[5, 5]]))[0].tolist()
        [[False, False], [True, False]]
    """
    n_ctx = tokens.shape[1]
    return torch.eye(n_ctx, dtype=torch.bool).roll(1, 0).tril().expand(len(tokens), -1, -1)


def duplicate_token(tokens: Int64[Tensor, "n pos"]) -> Bool[Tensor, "n query key"]:
    """Mark the earlier positions that hold the same token.

    Example:
        >>> duplicate_token(torch.tensor([[5, 3, 5]]))[0, 2].tolist()
        [True, False, False]
    """
    return (tokens[:, :, None] == tokens[:, None, :]).tril(-1)


def induction(tokens: Int64[Tensor, "n pos"]) -> Bool[Tensor, "n query key"]:
    """Mark the positions after earlier occurrences of the same token.

    The paper's erratum: an induction head attends to the token that *followed*.

    Example:
        >>> induction(torch.tensor([[5, 3, 5]]))[0, 2].tolist()
        [False, True, False]
    """
    after = duplicate_token(tokens).roll(1, 2)
    after[:, :, 0] = False
    return after


def attention_score(
    model: Model, tokens: Int64[Tensor, "n pos"], where: Where
) -> dict[tuple[int, int], float]:
    """Mean attention of every head on marked keys, over the queries that have one.

    With ``induction`` and ``repeated_tokens`` it is the prefix-matching score.

    Args:
        model: A transformer.
        tokens: What it reads.
        where: Marks keys: ``previous_token``, ``duplicate_token``, ``induction``, or another rule.

    Returns:
        (layer, head) to a share between 0 and 1.

    Raises:
        PhasescopeError: If no query has a marked key.

    References:
        olsson2022: appendix, head activation evaluators.

    Example:
        >>> from phasescope.models.handmade_heads import induction_pair
        >>> attention_score(induction_pair(6, 5), torch.tensor([[4, 2, 5, 4, 2]]), induction)
        {(0, 0): 0.0, (1, 0): 1.0}
    """
    marked = where(tokens)
    has_one = marked.any(dim=2)
    if not has_one.any():
        raise PhasescopeError("an attention score needs a query with a marked key; these tokens have none")
    scores = {}
    for layer, pattern in enumerate(_patterns(model, tokens)):
        mass = (pattern * marked[:, None]).sum(dim=3).double()  # n, head, query
        for head in range(pattern.shape[1]):
            scores[layer, head] = mass[:, head][has_one].mean().item()
    return scores


def attention_entropy(model: Model, tokens: Int64[Tensor, "n pos"]) -> dict[tuple[int, int], float]:
    """Mean entropy of every head's attention over all queries, in nats.

    Args:
        model: A transformer.
        tokens: What it reads.

    Returns:
        (layer, head) to entropy: 0 where each query attends to one key.

    Example:
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> attention_entropy(virtual_head(10, 5), torch.tensor([[7, 3, 10, 5, 11]]))[0, 0]
        0.0
    """
    return {
        (layer, head): torch.special.entr(pattern[:, head].double()).sum(-1).mean().item()
        for layer, pattern in enumerate(_patterns(model, tokens))
        for head in range(pattern.shape[1])
    }


def repeated_tokens(
    vocab: int, n_ctx: int, length: int, n: int = 10, seed: int = 0
) -> Int64[Tensor, "n pos"]:
    """Return blocks of different random tokens, repeated until the context is full.

    The published test has 25 tokens four times over, and 10 examples. A head that looks a fixed number of
    positions back also scores on it, where the length fits: compare several lengths.

    Args:
        vocab: Number of different tokens.
        n_ctx: Length of the context.
        length: Tokens of a block; at most ``vocab``.
        n: Number of examples.
        seed: Of the tokens.

    Raises:
        PhasescopeError: If there are not so many different tokens, or no room for a repetition.

    References:
        olsson2022: appendix, prefix matching.

    Example:
        >>> repeated_tokens(9, 7, 3, n=1).tolist()
        [[2, 1, 4, 2, 1, 4, 2]]
    """
    if not 1 <= length <= min(vocab, n_ctx - 1):
        raise PhasescopeError(
            f"a repeated block needs 1 to {min(vocab, n_ctx - 1)} tokens of {vocab} in {n_ctx}; got {length}"
        )
    stream = stream_of("repeated tokens", seed)
    blocks = torch.tensor([stream.permutation(vocab)[:length].tolist() for _ in range(n)])
    return blocks[:, torch.arange(n_ctx) % length]


def copying_score(model: Transformer, n_tokens: int = 25, seed: int = 0) -> dict[tuple[int, int], float]:
    """How much every head raises the logit of the token it attends to, from -1 to 1.

    Random different tokens are read (as many as the vocabulary and the context allow, at most 25). Of what a
    head writes, taken through W_U, the mean over the vocabulary is subtracted and what is negative is cut
    off. The share of the token attended to most in all that is left, averaged over queries, is stretched so
    that 0 becomes -1 and one half or more becomes 1. A final layer norm is left out. Where a head raises
    nothing the share is 0.

    Args:
        model: A transformer with a logit for each token.
        n_tokens: Tokens read.
        seed: Of the tokens.

    Returns:
        (layer, head) to a score.

    Raises:
        PhasescopeError: If the network has no logit for each token.

    References:
        olsson2022: appendix, copying; as third parties quote it.

    Example:
        >>> from phasescope.models.handmade_heads import induction_pair
        >>> round(copying_score(induction_pair(26, 8))[1, 0], 3)  # no token comes twice: it attends evenly
        0.796
    """
    shape = model.shape
    if shape.d_vocab_out < shape.d_vocab:
        raise PhasescopeError(
            f"copying needs a logit for each of the {shape.d_vocab} tokens; got {shape.d_vocab_out}"
        )
    stream, n_ctx = stream_of("copying", seed), shape.n_ctx
    n_different = min(n_tokens, shape.d_vocab, n_ctx)
    rows = [
        stream.permutation(shape.d_vocab)[:n_different][torch.arange(n_ctx) % n_different] for _ in range(10)
    ]
    tokens = torch.tensor([row.tolist() for row in rows])
    names = [
        f"blocks.{layer}.attn.{part}" for layer in range(model.config.n_layers) for part in ("pattern", "z")
    ]
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens, names)
    scores = {}
    for layer in range(model.config.n_layers):
        pattern, z = cache[f"blocks.{layer}.attn.pattern"], cache[f"blocks.{layer}.attn.z"]
        W_O = model.get_parameter(f"blocks.{layer}.attn.W_O").detach()
        for head in range(model.config.n_heads):
            written = (z[:, :, head] @ W_O[head] @ model.W_U.detach())[..., : shape.d_vocab].double()
            raised = (written - written.mean(-1, keepdim=True)).relu()
            attended = tokens.gather(1, pattern[:, head].argmax(-1))
            share = raised.gather(2, attended[..., None])[..., 0] / raised.sum(-1).clamp_min(1e-300)
            scores[layer, head] = min(4 * share.mean().item() - 1, 1.0)
    return scores


def _patterns(model: Model, tokens: Int64[Tensor, "n pos"]) -> list[Float[Tensor, "n head query key"]]:
    """Every layer's attention."""
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens, lambda name: name.endswith("attn.pattern"))
    return list(cache.values())
