"""Any named activation, changed: replaced by zero, its mean or another input's, or projected.

The named ablations of the house are special cases that papers report; here is the general tool behind a new
hypothesis. A change may touch all of an activation, some positions or heads of it, or only its component
along some directions. It is made inside a run over all pairs in float64; weights are changed in
``weight_interventions``.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from phasescope.circuits.ablation import Logits
from phasescope.circuits.subspace import Directions, component
from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.models.hooks import Hook

How = Literal["zero", "mean", "resample"]
"""What takes a value's place: 0; its mean over all pairs; its value on another pair, drawn at random."""

Where = tuple[int | slice, ...]
"""Index of a part of an activation, behind the axis of the pairs.

``(-1,)`` is the answer position, ``(-1, 2)`` head 2 of a ``z`` there, and ``(2, -1)`` what head 2 of a
``pattern`` sees from there.
"""


def ablate_activation(
    context: Context,
    name: str,
    how: How = "zero",
    *,
    where: Where = (),
    directions: Directions | None = None,
    seed: int = 0,
) -> Logits:
    """Replace an activation, or its component in a subspace, and return the logits that remain.

    Args:
        context: The network and its task.
        name: The activation, as ``run_with_cache`` names it.
        how: What takes its place.
        where: Which part of it; all, if left out.
        directions: What spans the subspace in which it is replaced; all of it, if left out.
        seed: Of the permutation of pairs, for "resample".

    Returns:
        Logits of the possible answers, for all pairs.

    Raises:
        PhasescopeError: If the network has no such activation or part, or directions do not fit.

    References:
        nanda2023: section 4.4. Resampling: Chan et al. 2022, Causal scrubbing.

    Example:
        >>> from phasescope.circuits.ablation import loss_of
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> round(loss_of(context, ablate_activation(context, "blocks.0.attn.z", where=(-1, 0))), 6)  # ln 13
        2.564949
    """
    return logits_with(context, {name: ablating(name, how, where=where, directions=directions, seed=seed)})


def project_activation(
    context: Context, name: str, directions: Directions, *, keep: bool, where: Where = ()
) -> Logits:
    """Project an activation onto a subspace or out of it, and return the logits that remain.

    Args:
        context: The network and its task.
        name: The activation, as ``run_with_cache`` names it.
        directions: What spans the subspace, along the activation's last axis.
        keep: Whether the subspace is kept (onto) or taken away (out of).
        where: Which part of the activation; all, if left out.

    Returns:
        Logits of the possible answers, for all pairs.

    Raises:
        PhasescopeError: If the network has no such activation or part, or directions do not fit.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> read = context.W_L  # neurons outside its row space are not read
        >>> kept = project_activation(context, "blocks.0.mlp.post", read, keep=True)
        >>> bool(torch.allclose(kept, context.logits))
        True
    """
    return logits_with(context, {name: projecting(name, directions, keep=keep, where=where)})


def ablating(
    name: str, how: How, *, where: Where = (), directions: Directions | None = None, seed: int = 0
) -> Hook:
    """Return a hook that replaces an activation or its component in a subspace.

    Args:
        name: The activation, for error messages.
        how: What takes its place.
        where: Which part of it.
        directions: What spans the subspace; everything, if left out.
        seed: Of the permutation of examples, for "resample".

    Returns:
        A hook; examples lie along the first axis.

    Example:
        >>> hook = ablating("embed", "mean", directions=torch.tensor([[1.0, 0.0]]).double())
        >>> hook(torch.tensor([[1.0, 5.0], [3.0, 7.0]]).double()).tolist()
        [[2.0, 5.0], [2.0, 7.0]]
    """
    if how not in ("zero", "mean", "resample"):
        raise PhasescopeError(f"an ablation replaces by 'zero', 'mean' or 'resample'; got {how!r:.40}")

    def replaced(part: Tensor) -> Tensor:
        inside = part if directions is None else component(name, part, directions)
        return part - inside + stand_in(inside, how, seed)

    return _on_part(name, where, replaced)


def projecting(name: str, directions: Directions, *, keep: bool, where: Where = ()) -> Hook:
    """Return a hook that projects an activation onto a subspace or out of it.

    Args:
        name: The activation, for error messages.
        directions: What spans the subspace.
        keep: Whether the subspace is kept or taken away.
        where: Which part of the activation.

    Returns:
        A hook; examples lie along the first axis.

    Example:
        >>> hook = projecting("embed", torch.tensor([[1.0, 0.0]]).double(), keep=False)
        >>> hook(torch.tensor([[1.0, 5.0], [3.0, 7.0]]).double()).tolist()
        [[0.0, 5.0], [0.0, 7.0]]
    """

    def projected(part: Tensor) -> Tensor:
        inside = component(name, part, directions)
        return inside if keep else part - inside

    return _on_part(name, where, projected)


def logits_with(context: Context, hooks: Mapping[str, Hook]) -> Logits:
    """Return the logits over all pairs with hooks attached.

    Args:
        context: The network and its task.
        hooks: Activation name to hook; several are attached at once.

    Returns:
        Logits of the possible answers.

    Raises:
        PhasescopeError: If the network has no such activation.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> doubled = logits_with(context, {"logits": lambda logits: 2 * logits})
        >>> bool(torch.allclose(doubled, 2 * context.logits))
        True
    """
    with torch.no_grad(), context.double.hooks(hooks):
        return context.double.answer_logits(context.inputs.tokens)[:, : context.task.n_elements]


def stand_in(value: Tensor, how: How, seed: int = 0) -> Tensor:
    """Return what takes the place of a value, example by example.

    Args:
        value: Examples along the first axis.
        how: Zero, the mean over examples, or a permutation of them.
        seed: Of the permutation.

    Returns:
        A tensor of the same shape.

    Example:
        >>> stand_in(torch.tensor([1.0, 3.0]), "mean").tolist()
        [2.0, 2.0]
    """
    if how == "zero":
        return torch.zeros_like(value)
    if how == "mean":
        return value.mean(0, keepdim=True).expand_as(value)
    generator = torch.Generator().manual_seed(seed)
    return value[torch.randperm(len(value), generator=generator)]


def _on_part(name: str, where: Where, change: Callable[[Tensor], Tensor]) -> Hook:
    """Apply a change to a part of an activation, in a copy."""
    index = (slice(None), *where)

    def hook(value: Tensor) -> Tensor:
        changed = value.clone()
        try:
            part = value[index]
        except IndexError:
            shape = tuple(value.shape[1:])
            raise PhasescopeError(f"{name} has the shape {shape} for each pair; got where={where}") from None
        changed[index] = change(part)
        return changed

    return hook
