"""What published variants do to a step beside the optimiser: to the gradient before it, to the weights after.

Grokfast amplifies the slow part of the gradient; the orthogonal gradient leaves out what only scales the
weights; power2022 lets weights decay towards their first values, and adds noise to every update. Each is an
option of ``OptimiserConfig``, and several go together: filter, then projection, then decay, step, noise.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from phasescope.training.recipe import OptimiserConfig

_KEPT = "kept"


def stream(purpose: str, seed: int, step: int) -> torch.Generator:
    """Return the random stream of a purpose at a step: a function of its arguments alone, so runs resume.

    Example:
        >>> torch.rand(1, generator=stream("noise", 0, 5)) == torch.rand(1, generator=stream("noise", 0, 5))
        tensor([True])
    """
    return torch.Generator().manual_seed(zlib.crc32(f"{purpose} {seed} {step}".encode()))


def orthogonal(gradient: Float[Tensor, "*shape"], weight: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return a gradient without its part along the weight, at its old length.

    References:
        prieto2025: Grokking at the edge of numerical stability (2501.04697), the orthogonal gradient.

    Example:
        >>> orthogonal(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 0.0]))
        tensor([0., 5.])
    """
    along = (weight * gradient).sum() / ((weight * weight).sum() + 1e-30)
    across = gradient - along * weight
    length: Tensor = gradient.norm() / (across.norm() + 1e-30)
    return across * length


class Alterations:
    """The alterations a recipe asks for, and what they remember from step to step.

    Args:
        config: Which of them.
        parameters: The weights, changed in place; their values now are the first ones.
        seed: Of the noise.

    References:
        power2022: Grokking: Generalization beyond overfitting (2201.02177), appendix A.1.2.
        lee2024: Grokfast: accelerated grokking by amplifying slow gradients (2405.20233).

    Example:
        >>> weight = torch.ones(2, requires_grad=True)
        >>> weight.grad = torch.ones(2)
        >>> altered = Alterations(OptimiserConfig(grokfast="ema", grokfast_gain=2.0), {"w": weight}, seed=0)
        >>> altered.before(step=0, rate=1e-3)
        >>> weight.grad
        tensor([3., 3.])
    """

    def __init__(self, config: OptimiserConfig, parameters: Mapping[str, Tensor], seed: int) -> None:
        self.config = config
        self.parameters = parameters
        self.seed = seed
        self.memory: dict[str, dict[str, Tensor]] = {name: {} for name in parameters}
        if config.decay_towards == "initial":
            for name, weight in parameters.items():
                self.memory[name]["initial"] = weight.detach().clone()

    @torch.no_grad()
    def before(self, step: int, rate: float) -> None:
        """Alter gradients, and decay weights, before the optimiser's step."""
        config = self.config
        for name, weight in self.parameters.items():
            if weight.grad is None:
                continue
            if config.grokfast != "none":
                weight.grad += config.grokfast_gain * self._slow_part(name, weight.grad, step)
            if config.orthogonal:
                weight.grad = orthogonal(weight.grad, weight)
            if config.decay_towards == "initial":
                weight += rate * config.weight_decay * (self.memory[name]["initial"] - weight)

    @torch.no_grad()
    def after(self, step: int, rate: float) -> None:
        """Add noise to the update that the optimiser has made."""
        if self.config.update_noise:
            random = stream("update noise", self.seed, step)
            for weight in self.parameters.values():
                noise = torch.randn(weight.shape, generator=random, dtype=weight.dtype)
                weight += rate * self.config.update_noise * noise

    def _slow_part(self, name: str, gradient: Tensor, step: int) -> Tensor:
        """The moving average that Grokfast amplifies: an exponential one, or of a window once it is full."""
        memory, config = self.memory[name], self.config
        if config.grokfast == "ema":
            # the published code begins the average with the first gradient
            last = memory.get("average", gradient)
            memory["average"] = config.grokfast_decay * last + (1 - config.grokfast_decay) * gradient
            return memory["average"]
        if "window" not in memory:
            memory["window"] = torch.zeros(config.grokfast_window, *gradient.shape, dtype=gradient.dtype)
        memory["window"][step % config.grokfast_window] = gradient
        full = step + 1 >= config.grokfast_window
        return memory["window"].mean(0) if full else torch.zeros_like(gradient)

    def state(self) -> dict[str, NDArray[np.floating]]:
        """Return a copy of what is remembered."""
        return {
            f"{_KEPT} {key} {name}": tensor.numpy().copy()
            for name, memory in self.memory.items()
            for key, tensor in memory.items()
        }

    def restore(self, state: Mapping[str, NDArray[np.floating]]) -> None:
        """Remember what ``state`` returned; other entries are left alone."""
        self.memory = {name: {} for name in self.parameters}
        for entry, array in state.items():
            if entry.startswith(f"{_KEPT} "):
                _, key, name = entry.split(" ", 2)
                self.memory[name][key] = torch.from_numpy(array.copy())
