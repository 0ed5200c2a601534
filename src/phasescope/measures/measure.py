"""Numbers read off one model: every measure by name, and the call that reads them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import torch

from phasescope.errors import PhasescopeError, look_up
from phasescope.measures import (
    attention,
    circles,
    clock_and_pizza,
    coset_concentration,
    efficiency,
    excluded,
    fourier_norms,
    irrep_logits,
    irrep_losses,
    irrep_neurons,
    irrep_weights,
    key_frequencies,
    last_layer,
    learning_coefficient,
    logits,
    losses,
    margin,
    neuron_logit_map,
    neurons,
    numerics,
    participation,
    representation,
    restricted,
    sharpness,
    spectral,
    tangent_kernel,
    weights,
)
from phasescope.measures.context import Context
from phasescope.measures.record import REGISTRY, Measure, Value

FAMILIES = (
    losses,
    key_frequencies,
    restricted,
    excluded,
    fourier_norms,
    weights,
    neuron_logit_map,
    neurons,
    logits,
    attention,
    clock_and_pizza,
    circles,
    numerics,
    last_layer,
    participation,
    margin,
    representation,
    efficiency,
    spectral,
    tangent_kernel,
    irrep_logits,
    irrep_weights,
    irrep_neurons,
    irrep_losses,
    coset_concentration,
    learning_coefficient,
    sharpness,
)
"""The files that hold measures, in the order in which their results are shown."""

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        name: measure
        for family in FAMILIES
        for name, measure in REGISTRY.items()
        if measure.function.__module__ == family.__name__
    }
)
"""Every measure of the house, by its exact name."""

SERIES: tuple[str, ...] = tuple(name for name, measure in MEASURES.items() if measure.in_series)
"""What is read at every checkpoint of a series by default."""

COSTLY: tuple[str, ...] = tuple(name for name, measure in MEASURES.items() if measure.cost)
"""What is only read when asked for by name, because it takes many gradients."""


def measure(context: Context, names: str | Iterable[str] | None = None) -> dict[str, Value]:
    """Read measures off one model.

    Args:
        context: The model, its task and its split.
        names: Which measure or measures; all that apply and are not costly, if left out.

    Returns:
        Name to value, in the order asked for: a number, a list of frequencies, or numbers by frequency,
        head or tensor.

    Raises:
        PhasescopeError: If a name is unknown, or a measure that was asked for does not apply.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("nanda2023:0:0.3").split(task))
        >>> measure(context, ["accuracy", "key_frequencies"])
        {'accuracy': 1.0, 'key_frequencies': [2, 5]}
    """
    cheap = (name for name in MEASURES if name not in COSTLY)
    chosen = [m for m in checked(cheap) if m.unmet(context) is None] if names is None else checked(names)
    for asked in chosen:
        if reason := asked.unmet(context):
            raise PhasescopeError(reason)
    with torch.no_grad():
        return {asked.name: asked.function(context) for asked in chosen}


def left_out(context: Context, names: str | Iterable[str] | None = None) -> dict[str, str]:
    """Say which measures do not apply to a model and its task, and why.

    Args:
        context: The model, its task and its split.
        names: Which measures to ask; all, if left out.

    Returns:
        Name to reason, in one line each; empty if all apply.

    Raises:
        PhasescopeError: If a name is unknown.

    Example:
        >>> from phasescope.models.handmade import lookup_network
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 7").build()
        >>> context = Context(lookup_network(task), task, parse_split("all").split(task))
        >>> left_out(context, ["loss", "test_loss"])
        {'test_loss': 'test_loss needs pairs held out of training; got an embedding_mlp on a+b mod 7'}
    """
    reasons = {m.name: m.unmet(context) for m in checked(MEASURES if names is None else names)}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def checked(names: str | Iterable[str]) -> list[Measure]:
    """Return the measures of some names.

    Args:
        names: An exact name, or several.

    Returns:
        Their records, in the same order.

    Raises:
        PhasescopeError: If a name is unknown; the message offers the nearest.

    Example:
        >>> [m.unit for m in checked(["train_loss"])]
        ['nats']
    """
    return list(look_up("measure", names, MEASURES, "phasescope measure --list shows them all").values())
