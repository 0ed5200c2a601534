"""Any named weight, changed in a copy of the network: replaced, or projected onto or out of a subspace."""

from collections.abc import Mapping

from torch import Tensor

from phasescope.circuits.ablation import Logits
from phasescope.circuits.subspace import Directions, component
from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.models.build import model_from_parameters
from phasescope.models.hooks import require_known


def project_weight(context: Context, name: str, directions: Directions, *, axis: int, keep: bool) -> Logits:
    """Project a weight onto a subspace or out of it, and return the logits of the network that has it.

    Args:
        context: The network and its task.
        name: The weight, by its name in the state dict.
        directions: What spans the subspace.
        axis: The axis of the weight along which the directions lie.
        keep: Whether the subspace is kept (onto) or taken away (out of).

    Returns:
        Logits of the possible answers, for all pairs.

    Raises:
        PhasescopeError: If the network has no such weight, or directions do not fit.

    Example:
        >>> import torch
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> waves = torch.nn.functional.pad(context.inputs.basis[[3, 4, 9, 10]], (0, 1))  # the '=' has none
        >>> kept = project_weight(context, "unembed.W_U", waves, axis=1, keep=True)
        >>> bool(torch.allclose(kept, context.logits))
        True
    """
    require_weight(context, name)
    weight = context.weights[name]
    if not -weight.ndim <= axis < weight.ndim:
        raise PhasescopeError(f"{name} has {weight.ndim} axes; got axis={axis}")
    turned = weight.movedim(axis, -1)
    inside = component(name, turned, directions)
    changed = (inside if keep else turned - inside).movedim(-1, axis)
    return with_weights(context, {name: changed}).logits


def with_weights(context: Context, weights: Mapping[str, Tensor]) -> Context:
    """Return the context of the same network with some weights replaced.

    Args:
        context: The network and its task.
        weights: Name to tensor.

    Returns:
        A context around a copy.

    Raises:
        PhasescopeError: If the network has no such weight, or it has another shape.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> dead = with_weights(context, {"blocks.0.mlp.W_out": 0 * context.weights["blocks.0.mlp.W_out"]})
        >>> float(dead.logits.abs().max())
        0.0
    """
    for name in weights:
        require_weight(context, name)
    model = context.double
    return context.at(model_from_parameters(model.config, model.shape, {**context.weights, **weights}))


def require_weight(context: Context, name: str) -> None:
    """Refuse the name of a weight that a network does not have.

    Args:
        context: The network.
        name: The name.

    Raises:
        PhasescopeError: If there is none; the message offers the nearest.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> require_weight(context, "blocks.0.attn.W_O")
    """
    require_known([name], tuple(context.weights), what="weight")
