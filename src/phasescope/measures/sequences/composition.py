"""How heads of different layers work together, read off the weights alone."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from phasescope.errors import PhasescopeError
from phasescope.models.transformer import Transformer

Head = tuple[int, int]
"""Layer and head."""


def composition(model: Transformer, earlier: Head, later: Head, through: Literal["Q", "K", "V"]) -> float:
    """How much of what an earlier head writes a later one reads, as a share of what it could.

    With W_OV = W_V W_O and W_QK = W_Q W_K^T, both d_model x d_model acting on rows: ``|A B| / (|A| |B|)`` in
    Frobenius norms, where A is the earlier head's W_OV and B the later one's W_QK (Q), its transpose (K) or
    its W_OV (V). A layer norm between them is left out.

    Args:
        model: A transformer.
        earlier: Layer and head that writes.
        later: Layer and head that reads, of a later layer.
        through: The side that reads.

    Returns:
        A share between 0 and 1; random heads of the same size have ``random_composition``.

    Raises:
        PhasescopeError: If the heads are not of an earlier and a later layer.

    References:
        elhage2021: composition of attention heads.

    Example:
        >>> from phasescope.models.handmade_heads import induction_pair
        >>> pair = induction_pair(6, 5)
        >>> [composition(pair, (0, 0), (1, 0), through) > 0 for through in ("Q", "K", "V")]
        [False, True, False]
    """
    if not 0 <= earlier[0] < later[0] < model.config.n_layers:
        raise PhasescopeError(
            f"composition needs a head of an earlier layer first; got {earlier} and {later}"
        )
    writes = _OV(model, earlier)
    if through == "V":
        reads = _OV(model, later)
    else:
        W_Q, W_K = _weight(model, later, "W_Q"), _weight(model, later, "W_K")
        reads = W_Q @ W_K.T if through == "Q" else W_K @ W_Q.T
    size = (writes.norm() * reads.norm()).item()
    return (writes @ reads).norm().item() / size if size else 0.0


def random_composition(d_model: int, d_head: int, n: int = 20, seed: int = 0) -> float:
    """Composition of random heads: what a trained pair has to exceed.

    Args:
        d_model: Width of the residual stream.
        d_head: Width of a head.
        n: Pairs drawn.
        seed: Of the weights, all normal.

    Returns:
        The mean over pairs.

    References:
        elhage2021: the expected composition that is subtracted there.

    Example:
        >>> round(random_composition(32, 4), 2)
        0.18
    """
    generator = torch.Generator().manual_seed(seed)

    def low_rank() -> Tensor:
        left, right = (
            torch.randn(d_model, d_head, generator=generator, dtype=torch.float64) for _ in range(2)
        )
        return left @ right.T

    pairs = [(low_rank(), low_rank()) for _ in range(n)]
    return float(sum(((a @ b).norm() / (a.norm() * b.norm())).item() for a, b in pairs) / n)


def virtual_head_matrix(
    model: Transformer, earlier: Head, later: Head
) -> Float[Tensor, "d_vocab d_vocab_out"]:
    """What a token adds to each logit when it is moved by one head and then by the other.

    ``W_E W_OV(earlier) W_OV(later) W_U``, float64. A layer norm in between is left out.

    Args:
        model: A transformer.
        earlier: Layer and head that moves it first.
        later: Layer and head that moves it on.

    Returns:
        One row per token.

    References:
        elhage2021: virtual attention heads.

    Example:
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> virtual_head_matrix(virtual_head(3, 5), (0, 0), (1, 0))[:3].tolist()
        [[20.0, 0.0, 0.0], [0.0, 20.0, 0.0], [0.0, 0.0, 20.0]]
    """
    if not 0 <= earlier[0] < later[0] < model.config.n_layers:
        raise PhasescopeError(
            f"a virtual head needs a head of an earlier layer first; got {earlier} and {later}"
        )
    return _double(model.W_E) @ _OV(model, earlier) @ _OV(model, later) @ _double(model.W_U)


def full_OV(model: Transformer, head: Head) -> Float[Tensor, "d_vocab d_vocab_out"]:
    """What attending to a token adds to each logit: ``W_E W_V W_O W_U``, float64.

    Args:
        model: A transformer.
        head: Layer and head.

    References:
        elhage2021: the OV circuit, one side of a skip trigram.
    """
    return _double(model.W_E) @ _OV(model, head) @ _double(model.W_U)


def full_QK(model: Transformer, head: Head) -> Float[Tensor, "d_vocab d_vocab"]:
    """How much a query token (row) wants to attend to a key token: ``W_E W_Q W_K^T W_E^T / sqrt(d_head)``.

    Args:
        model: A transformer.
        head: Layer and head.

    References:
        elhage2021: the QK circuit, the other side of a skip trigram.
    """
    W_E, W_Q, W_K = _double(model.W_E), _weight(model, head, "W_Q"), _weight(model, head, "W_K")
    return W_E @ W_Q @ W_K.T @ W_E.T / math.sqrt(W_Q.shape[1])


def _OV(model: Transformer, head: Head) -> Float[Tensor, "d_model d_model"]:
    return _weight(model, head, "W_V") @ _weight(model, head, "W_O")


def _weight(model: Transformer, head: Head, name: str) -> Tensor:
    layer, which = head
    return _double(model.get_parameter(f"blocks.{layer}.attn.{name}"))[which]


def _double(weight: Tensor) -> Tensor:
    return weight.detach().double()
