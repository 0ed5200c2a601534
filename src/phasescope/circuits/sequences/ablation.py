"""Heads and MLPs taken away along a sequence, with attention free to change or held where it was."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor

from phasescope.circuits.interventions import How, stand_in
from phasescope.circuits.sequences.context import Answers, Head, SequenceContext
from phasescope.errors import PhasescopeError
from phasescope.models.hooks import Hook


@dataclass(frozen=True, order=True)
class Part:
    """A head, or the MLP of a layer.

    Args:
        layer: Which layer.
        head: Which head; None for the MLP.

    Example:
        >>> str(Part(0, 2)), str(Part(1))
        ('head 0.2', 'MLP 1')
    """

    layer: int
    head: int | None = None

    def __str__(self) -> str:
        """Its name."""
        return f"MLP {self.layer}" if self.head is None else f"head {self.layer}.{self.head}"


def parts_of(context: SequenceContext) -> tuple[Part, ...]:
    """Return every part of a network: of each layer its heads, then its MLP if it has one.

    Args:
        context: The network.
    """
    config = context.model.config
    return tuple(
        Part(layer, head)
        for layer in range(config.n_layers)
        for head in (*range(config.n_heads), *([None] if config.d_mlp else []))
    )


def without(
    context: SequenceContext,
    parts: Collection[Part],
    how: How = "mean",
    *,
    hold: Collection[Head] = (),
) -> Answers:
    """Take parts away everywhere along the sequence, and return the logits that remain.

    What takes a part's place is made of what it wrote in the untouched network: nothing, its mean over
    examples at the same position, or what it wrote in another example. Heads in ``hold`` keep the attention
    pattern that they have in the untouched network: with all heads held this is the pattern-preserving
    ablation, which takes away what parts write to later values and to the logits, and leaves what they do by
    deciding where later heads look.

    Args:
        context: The network and what it is asked.
        parts: Heads and MLPs to take away.
        how: What takes their place.
        hold: Heads whose pattern is held.

    Returns:
        Logits at every asked position.

    Raises:
        PhasescopeError: If the network has no such part.

    References:
        elhage2021: term importance with frozen attention; olsson2022: pattern-preserving ablation.

    Example:
        >>> from phasescope.circuits.sequences.induction import repeated
        >>> from phasescope.models.handmade_heads import induction_pair
        >>> pair = repeated(induction_pair(20, 16))
        >>> [round(pair.accuracy(without(pair, [Part(0, 0)], hold=hold)), 1) for hold in ((), pair.heads)]
        [0.4, 1.0]
    """
    known = parts_of(context)
    for part in (*parts, *(Part(*head) for head in hold)):
        if part not in known:
            raise PhasescopeError(f"this network has {', '.join(map(str, known))}; got {part}")
    hooks: dict[str, Hook] = {}
    taken, held = defaultdict(list), defaultdict(list)
    for part in parts:
        if part.head is None:
            name = f"blocks.{part.layer}.mlp_out"
            hooks[name] = _giving(stand_in(context.cache[name], how))
        else:
            taken[part.layer].append(part.head)
    for layer, head in hold:
        held[layer].append(head)
    for layer, heads in taken.items():
        name = f"blocks.{layer}.attn.z"
        hooks[name] = _replacing(stand_in(context.cache[name], how), heads, axis=2)
    for layer, heads in held.items():
        name = f"blocks.{layer}.attn.pattern"
        hooks[name] = _replacing(context.cache[name], heads, axis=1)
    return context.with_hooks(hooks)


def _giving(value: Tensor) -> Hook:
    """Put a value in an activation's place."""
    return lambda _: value.contiguous()


def _replacing(source: Tensor, heads: list[int], axis: int) -> Hook:
    """Put some heads of a source into an activation, in a copy."""

    def hook(value: Tensor) -> Tensor:
        changed = value.clone()
        index = (slice(None),) * axis + (heads,)
        changed[index] = source[index]
        return changed

    return hook
