"""Every ablation by name, and the call that tries them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import torch

from phasescope.circuits import attention, group_interventions, logits, neuron_directions, neurons, skip
from phasescope.circuits.ablation import REGISTRY, Ablation
from phasescope.errors import look_up
from phasescope.measures.context import Context
from phasescope.measures.series import flattened

FAMILIES = (logits, neurons, neuron_directions, skip, attention, group_interventions)
"""The files that hold ablations, in the order in which their results are shown."""

ABLATIONS: Mapping[str, Ablation] = MappingProxyType(
    {
        name: ablation
        for family in FAMILIES
        for name, ablation in REGISTRY.items()
        if ablation.function.__module__ == family.__name__
    }
)
"""Every ablation of the house, by its exact name."""


def ablate(context: Context, names: str | Iterable[str] | None = None) -> dict[str, float]:
    """Return the loss over all pairs that remains after each ablation.

    Args:
        context: The network, its task and its key frequencies.
        names: Which ablation or ablations; all that apply, if left out.

    Returns:
        Name to loss in nats. An ablation that is made for each key gives one name each, such as
        "neurons_zero_cluster.14".

    Raises:
        PhasescopeError: If a name is unknown, or an ablation that was asked for does not apply.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> {name: round(loss, 6) for name, loss in ablate(context, "logits_without_keys").items()}  # ln 13
        {'logits_without_keys': 2.564949}
    """
    if names is None:
        chosen = [ablation for ablation in ABLATIONS.values() if ablation.unmet(context) is None]
    else:
        chosen = list(
            look_up("ablation", names, ABLATIONS, "circuits.ablations.ABLATIONS lists them").values()
        )
    with torch.no_grad():
        losses = [flattened(ablation.name, ablation.loss(context)) for ablation in chosen]
    return {name: loss for of_one in losses for name, loss in of_one.items()}
