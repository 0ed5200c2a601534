"""Networks for sequences by hand: induction in two layers and in one, a virtual head, a one-digit adder."""

import math
from itertools import product

import torch
from torch import Tensor

from phasescope.models.build import model_from_parameters
from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.handmade import CERTAIN
from phasescope.models.model import Model
from phasescope.models.names import parameter_shapes


def induction_pair(vocab: int, n_ctx: int, amplitude: float = 20.0) -> Model:
    """Return two layers of one head each: a previous-token head, and the induction head that reads it.

    Head 0.0 attends from every position to the one before it, and writes that token beside the one here.
    Head 1.0 attends to the positions whose earlier token is the token here, evenly over all of them, and
    copies what stands there to the logits. Where the token has not come before it attends evenly to all
    positions but the first.

    On paper: previous-token score 1 for head 0.0, prefix-matching score 1 for head 1.0, whose only
    composition is K-composition, 1 / sqrt(vocab + 4 n_ctx).

    Args:
        vocab: Number of different tokens.
        n_ctx: Length of the input, at least 3.
        amplitude: Logit of a token that all attention is on.

    Returns:
        A transformer with float64 weights.

    References:
        elhage2021: induction heads; olsson2022: In-context learning and induction heads.

    Example:
        >>> logits = induction_pair(6, 5)(torch.tensor([[4, 2, 5, 4, 2]]))
        >>> logits[0, 3:].argmax(-1).tolist()
        [2, 5]
    """
    # the residual stream: the token here, the token before, the answer, and the position
    d_model = 3 * vocab + n_ctx
    here, before, answer = (slice(i * vocab, (i + 1) * vocab) for i in range(3))
    place = slice(3 * vocab, d_model)
    d_head = max(n_ctx, vocab + 1)
    w, config, shape = _blank(d_model, d_head, vocab, vocab, n_ctx)
    w["embed.W_E"][:, here] = torch.eye(vocab, dtype=torch.float64)
    w["pos_embed.W_pos"][:, place] = torch.eye(n_ctx, dtype=torch.float64)
    _look_one_back(w, place, n_ctx, d_head)
    _copy(w, 0, here, before)

    sharp = CERTAIN * math.sqrt(d_head)
    one = torch.eye(vocab, dtype=torch.float64)
    w["blocks.1.attn.W_Q"][0, here, :vocab] = sharp * one
    w["blocks.1.attn.W_K"][0, before, :vocab] = one
    # the first position can only look at itself: what it calls its predecessor is no match
    w["blocks.1.attn.W_Q"][0, place, vocab] = sharp
    w["blocks.1.attn.W_K"][0, place.start, vocab] = -2.0
    _copy(w, 1, here, answer)
    w["unembed.W_U"][answer] = amplitude * one
    return model_from_parameters(config, shape, w)


def smeared_induction(vocab: int, n_ctx: int, amplitude: float = 20.0) -> Model:
    """Return one layer of one head that is an induction head, because its keys are those of the token before.

    On paper: prefix-matching score 1, and the answers of ``induction_pair``. Where the token has not come
    before, its one head attends evenly to all positions.

    Args:
        vocab: Number of different tokens.
        n_ctx: Length of the input.
        amplitude: Logit of a token that all attention is on.

    Returns:
        A transformer with float64 weights.

    References:
        olsson2022: smeared keys.

    Example:
        >>> logits = smeared_induction(6, 5)(torch.tensor([[4, 2, 5, 4, 2]]))
        >>> logits[0, 3:].argmax(-1).tolist()
        [2, 5]
    """
    here, answer = slice(0, vocab), slice(vocab, 2 * vocab)
    w, config, shape = _blank(2 * vocab, vocab, vocab, vocab, n_ctx, n_layers=1, smeared_keys=True)
    one = torch.eye(vocab, dtype=torch.float64)
    w["embed.W_E"][:, here] = one
    w["blocks.0.attn.smear"][0] = -CERTAIN  # nothing of a position's own key is left
    w["blocks.0.attn.W_Q"][0, here] = CERTAIN * math.sqrt(vocab) * one
    w["blocks.0.attn.W_K"][0, here] = one
    _copy(w, 0, here, answer)
    w["unembed.W_U"][answer] = amplitude * one
    return model_from_parameters(config, shape, w)


def virtual_head(digits: int, n_ctx: int, amplitude: float = 20.0) -> Model:
    """Return two layers that solve the marker's predecessor (``tasks.predecessor``) by one virtual head.

    Head 0.0 attends to the position before, head 1.0 from the query to the marker, whose own token it does
    not read: all it copies is what head 0.0 has put there.

    On paper: accuracy 1; V-composition of the two and no Q- or K-composition; the effective matrix of the
    virtual head is ``amplitude`` times the identity over digits. Either head alone leaves nothing.

    Args:
        digits: Number of different digits.
        n_ctx: Length of the input, the query included.
        amplitude: Logit of the answer.

    Returns:
        A transformer with float64 weights.

    References:
        elhage2021: virtual attention heads.

    Example:
        >>> virtual_head(10, 5)(torch.tensor([[7, 3, 10, 5, 11]]))[0, -1].argmax().item()
        3
    """
    d_vocab, marker, query = digits + 2, digits, digits + 1
    d_model = d_vocab + 2 * digits + n_ctx
    before, answer = (slice(d_vocab + i * digits, d_vocab + (i + 1) * digits) for i in range(2))
    place = slice(d_vocab + 2 * digits, d_model)
    d_head = max(n_ctx, digits)
    w, config, shape = _blank(d_model, d_head, d_vocab, digits, n_ctx)
    w["embed.W_E"][:, :d_vocab] = torch.eye(d_vocab, dtype=torch.float64)
    w["pos_embed.W_pos"][:, place] = torch.eye(n_ctx, dtype=torch.float64)
    _look_one_back(w, place, n_ctx, d_head)
    _copy(w, 0, slice(0, digits), before)
    w["blocks.1.attn.W_Q"][0, query, 0] = CERTAIN * math.sqrt(d_head)
    w["blocks.1.attn.W_K"][0, marker, 0] = 1.0
    _copy(w, 1, before, answer)
    w["unembed.W_U"][answer] = amplitude * torch.eye(digits, dtype=torch.float64)
    return model_from_parameters(config, shape, w)


def digit_adder(amplitude: float = 20.0) -> Model:
    """Return one layer that adds one digit to another (``AdditionTask(digits=1)``): a + b = c z.

    Head 0.0 attends to a and head 0.1 to b from everywhere. The MLP knows the table: one neuron for each pair
    of digits and each of the two answers, the carry at '=' and the units after it.

    On paper: accuracy 1. Without the MLP, or with one addend replaced by its mean, the units are a guess; the
    carry is then right for max(a, 10 - a) of ten partners.

    Args:
        amplitude: Logit of the answer.

    Returns:
        A transformer with float64 weights.

    Example:
        >>> digit_adder()(torch.tensor([[7, 10, 5, 11, 1, 2]]))[0, 3:5].argmax(-1).tolist()
        [1, 2]
    """
    digits, n_ctx, d_vocab = 10, 6, 12
    # the residual stream: the token here, a, b, the position, the answer
    left, right = slice(d_vocab, d_vocab + digits), slice(d_vocab + digits, d_vocab + 2 * digits)
    place = slice(right.stop, right.stop + n_ctx)
    answer = slice(place.stop, place.stop + digits)
    config = TransformerConfig(
        d_model=answer.stop, n_heads=2, d_head=digits, d_mlp=2 * digits**2, output="answers"
    )
    shape = Shape(d_vocab=d_vocab, d_vocab_out=digits, n_ctx=n_ctx)
    w = _zeros(config, shape)
    one = torch.eye(digits, dtype=torch.float64)
    w["embed.W_E"][:, :d_vocab] = torch.eye(d_vocab, dtype=torch.float64)
    w["pos_embed.W_pos"][:, place] = torch.eye(n_ctx, dtype=torch.float64)
    for head, (source, target) in enumerate(((0, left), (2, right))):
        w["blocks.0.attn.W_Q"][head, place, 0] = CERTAIN * math.sqrt(digits)
        w["blocks.0.attn.W_K"][head, place.start + source, 0] = 1.0
        w["blocks.0.attn.W_V"][head, :digits] = one
        w["blocks.0.attn.W_O"][head, :, target] = one
    for neuron, (which, a, b) in enumerate(product(range(2), range(digits), range(digits))):
        heard = [left.start + a, right.start + b, place.start + 3 + which]  # it fires where all three are
        w["blocks.0.mlp.W_in"][heard, neuron] = 1.0
        w["blocks.0.mlp.b_in"][neuron] = -2.0
        w["blocks.0.mlp.W_out"][neuron, answer.start + divmod(a + b, digits)[which]] = 1.0
    w["unembed.W_U"][answer] = amplitude * one
    return model_from_parameters(config, shape, w)


def _zeros(config: TransformerConfig, shape: Shape) -> dict[str, Tensor]:
    """Every weight zero."""
    sizes = parameter_shapes(config, shape).items()
    return {name: torch.zeros(size, dtype=torch.float64) for name, size in sizes}


def _blank(
    d_model: int,
    d_head: int,
    d_vocab: int,
    d_vocab_out: int,
    n_ctx: int,
    n_layers: int = 2,
    smeared_keys: bool = False,
) -> tuple[dict[str, Tensor], TransformerConfig, Shape]:
    """Layers of one head each, every weight zero."""
    config = TransformerConfig(
        n_layers=n_layers,
        d_model=d_model,
        n_heads=1,
        d_head=d_head,
        d_mlp=0,
        smeared_keys=smeared_keys,
        output="answers",
    )
    shape = Shape(d_vocab=d_vocab, d_vocab_out=d_vocab_out, n_ctx=n_ctx)
    return _zeros(config, shape), config, shape


def _look_one_back(w: dict[str, Tensor], place: slice, n_ctx: int, d_head: int) -> None:
    """Let head 0.0 attend from each position to the one before it."""
    back = torch.diag(torch.ones(n_ctx - 1, dtype=torch.float64), -1)  # row t asks for place t - 1
    w["blocks.0.attn.W_Q"][0, place, :n_ctx] = CERTAIN * math.sqrt(d_head) * back
    w["blocks.0.attn.W_K"][0, place, :n_ctx] = torch.eye(n_ctx, dtype=torch.float64)


def _copy(w: dict[str, Tensor], layer: int, source: slice, target: slice) -> None:
    """Let a layer's head move one part of the residual stream to another."""
    width = source.stop - source.start
    one = torch.eye(width, dtype=torch.float64)
    w[f"blocks.{layer}.attn.W_V"][0, source, :width] = one
    w[f"blocks.{layer}.attn.W_O"][0, :width, target] = one
