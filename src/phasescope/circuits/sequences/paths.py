"""A network of attention alone, written as a sum over paths from the tokens to the logits."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from phasescope.circuits.sequences.context import Answers, Head, SequenceContext
from phasescope.errors import PhasescopeError

Path = tuple[Head, ...]
"""The heads that a path runs through, earliest first; () is the direct path from a token to its logits."""


def is_linear(context: SequenceContext) -> bool:
    """Return whether logits are a sum over paths once the attention patterns are held.

    Args:
        context: The network.
    """
    config = context.model.config
    return not config.d_mlp and config.normalization == "none" and not config.attention_bias


def path_logits(context: SequenceContext) -> dict[Path, Answers]:
    """Return what every path adds to the logits, attention patterns as they are.

    With its patterns held a network of attention alone is linear: what stands at a position is the embedding
    plus what every head moved there, of the embedding and of what earlier heads moved. Multiplied out there
    is one term for each sequence of heads of rising layers, and they add up to the logits exactly. A bias of
    the logits counts as part of the direct path.

    Args:
        context: A network of attention alone, without layer norm and without biases of attention.

    Returns:
        Path to logits at every asked position, shorter paths first.

    Raises:
        PhasescopeError: If the network has MLPs, layer norm or biases of attention.

    References:
        elhage2021: path expansion.

    Example:
        >>> import numpy as np
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> some = PredecessorTask().build().draw(np.random.default_rng(0), 50)
        >>> context = SequenceContext(virtual_head(10, 16), some)
        >>> {path: float(logits.abs().max()) for path, logits in path_logits(context).items()}
        {(): 0.0, ((0, 0),): 0.0, ((1, 0),): 0.0, ((0, 0), (1, 0)): 20.0}
    """
    if not is_linear(context):
        raise PhasescopeError(
            f"paths need attention alone, without layer norm or biases of attention; got {context}"
        )
    model, config = context.model, context.model.config
    with torch.no_grad():
        _, seen = model.run_with_cache(context.tokens, ["blocks.0.resid_pre"])
        streams: dict[Path, Tensor] = {(): seen["blocks.0.resid_pre"]}
        for layer in range(config.n_layers):
            pattern = context.cache[f"blocks.{layer}.attn.pattern"]
            W_V, W_O = (model.get_parameter(f"blocks.{layer}.attn.{name}") for name in ("W_V", "W_O"))
            moved = {
                (*path, (layer, head)): pattern[:, head] @ (stream @ W_V[head] @ W_O[head])
                for path, stream in streams.items()
                for head in range(config.n_heads)
            }
            streams |= moved
        logits = {path: stream[context.asked] @ model.W_U for path, stream in streams.items()}
        if config.unembed_bias:
            logits[()] = logits[()] + model.get_parameter("unembed.b_U")
    return dict(sorted(logits.items(), key=lambda item: (len(item[0]), item[0])))


def by_layers(paths: Mapping[Path, Answers]) -> dict[tuple[int, ...], Answers]:
    """Add up the paths that run through the same layers.

    Args:
        paths: What ``path_logits`` returned.

    Returns:
        Layers to logits: () for the embedding, (0,) for layer 0, (0, 1) for layer 1 of layer 0.

    Example:
        >>> one = torch.ones(1, 2, dtype=torch.float64)
        >>> by_layers({((0, 0),): one, ((0, 1),): one})[(0,)].tolist()
        [[2.0, 2.0]]
    """
    groups: dict[tuple[int, ...], Answers] = {}
    for path, logits in paths.items():
        layers = tuple(layer for layer, _ in path)
        groups[layers] = groups[layers] + logits if layers in groups else logits
    return groups


def on_target(context: SequenceContext, logits: Answers) -> float:
    """Return how far logits raise the right answer above the mean of all answers, averaged over questions.

    Args:
        context: What is asked.
        logits: All of them, or those of one path.
    """
    right = logits.gather(1, context.targets[:, None])[:, 0]
    return (right - logits.mean(-1)).mean().item()


def path_name(path: Iterable[Head]) -> str:
    """Return a path in words.

    Args:
        path: Its heads, earliest first.

    Example:
        >>> path_name(()), path_name([(0, 1), (1, 0)])
        ('direct', '0.1 → 1.0')
    """
    return " → ".join(f"{layer}.{head}" for layer, head in path) or "direct"
