"""The two ways from the residual stream to the logits: through the last neurons and around them."""

from phasescope.circuits.ablation import Logits
from phasescope.measures.context import Context


def through_neurons(context: Context) -> Logits:
    """Return what the last neurons add to the logits, without any bias.

    Args:
        context: A network whose logits are linear in its last neurons.

    Returns:
        Part of the logits of the possible answers, for all pairs.

    Example:
        >>> import torch
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> bool(torch.allclose(through_neurons(context), context.logits))  # all that a clock has
        True
    """
    return context.neurons @ context.W_L.T


def around_neurons(context: Context) -> Logits:
    """Return the rest of the logits: the residual stream read past the last neurons, and the biases.

    Args:
        context: A network whose logits are linear in its last neurons.

    Returns:
        Part of the logits of the possible answers, for all pairs.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> bool(around_neurons(context).abs().max() < 1e-12)  # a clock writes nothing else
        True
    """
    return context.logits - through_neurons(context)
