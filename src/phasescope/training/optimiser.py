"""Optimisers as the recipe names them, with the warm-up of the published runs."""

from collections.abc import Iterable

import torch
from torch import Tensor

from phasescope.training.recipe import OptimiserConfig


def build_optimiser(config: OptimiserConfig, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Return torch's optimiser for the recipe, fused into one pass over the weights.

    Example:
        >>> weights = torch.zeros(2, requires_grad=True)
        >>> type(build_optimiser(OptimiserConfig(), [weights])).__name__
        'AdamW'
    """
    trained = list(parameters)
    # towards anything but zero, training.alterations decays them
    decay = config.weight_decay if config.decay_towards == "zero" else 0.0
    if config.kind == "sgd":
        return torch.optim.SGD(
            trained, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )
    kind = torch.optim.AdamW if config.kind == "adamw" else torch.optim.Adam
    return kind(
        trained,
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        weight_decay=decay,
        fused=True,
    )


def learning_rate(config: OptimiserConfig, step: int) -> float:
    """Return the learning rate of ``step``, counted from 0: with a warm-up the first is zero.

    Example:
        >>> [learning_rate(OptimiserConfig(learning_rate=1.0), step) for step in (0, 1, 10, 11)]
        [0.0, 0.1, 1.0, 1.0]
    """
    if config.warmup_steps == 0:
        return config.learning_rate
    return config.learning_rate * min(step / config.warmup_steps, 1.0)
