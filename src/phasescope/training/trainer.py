"""One network in training, in memory: its weights, its optimiser, the step it is at."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phasescope.errors import NonFinite
from phasescope.models.build import build_model
from phasescope.models.config import TransformerConfig, shape_for
from phasescope.training.alterations import Alterations, stream
from phasescope.training.examples import Batch, examples_of
from phasescope.training.objective import LogitsObjective, Objective, loss_of, objective
from phasescope.training.optimiser import build_optimiser, learning_rate
from phasescope.training.perturbed import DroppedForward, noisy_weights
from phasescope.training.recipe import Recipe

Penalty = Callable[[Mapping[str, Tensor]], Tensor]
"""A term added to the training loss, as a function of the weights; handed in from above."""


def for_products(weights: Mapping[str, Tensor], recipe: Recipe, step: int) -> Mapping[str, Tensor]:
    """Return weights in the precision of a step's products; gradients flow back to the weights' own.

    Example:
        >>> from phasescope.training.presets import nanda2023
        >>> weights = {"W_E": torch.zeros(2)}
        >>> [for_products(weights, nanda2023(), step)["W_E"].dtype for step in (999, 1_000)]
        [torch.float64, torch.float32]
    """
    if step >= recipe.double_steps:
        return weights
    return {name: weight.double() for name, weight in weights.items()}


class Trainer:
    """What a recipe trains, step by step, with nothing written to disk.

    The loss at step t is that of the weights after t updates, as published: it is read before the
    update that makes step t + 1.

    Args:
        recipe: What to train.
        penalty: A term to add to the training loss.

    Example:
        >>> from phasescope.training.presets import nanda2023
        >>> trainer = Trainer(nanda2023(seed=1, weight_decay=0.1))
        >>> f"{trainer.advance():.6f}", trainer.step
        ('4.776912', 1)
    """

    def __init__(self, recipe: Recipe, penalty: Penalty | None = None) -> None:
        self.recipe = recipe
        self.penalty = penalty
        self.task = recipe.task.build()
        self.examples = examples_of(recipe, self.task)
        shape = shape_for(recipe.model, self.task.n_elements, self.task.d_vocab, self.task.n_ctx)
        self.model = build_model(recipe.model, shape, recipe.seed, getattr(torch, recipe.dtype))
        self.parameters = dict(self.model.named_parameters())
        self.optimiser = build_optimiser(recipe.optimiser, self.parameters.values())
        self.alterations = Alterations(recipe.optimiser, self.parameters, recipe.seed)
        self.step = 0
        self.objectives = {name: self._objective(side) for name, side in self.examples.sides(0).items()}

    def _objective(self, batch: Batch) -> Objective:
        """Plan the loss of some of the task's inputs."""
        return objective(self.recipe, self.model.shape, batch.tokens, batch.answers)

    @property
    def forward_name(self) -> str:
        """Which way to the loss is taken: compiled, folded, lean or plain."""
        return "plain" if self.recipe.dropout else self.objectives["train"].name

    def advance(self) -> float:
        """Take one optimiser step and return the loss before it, in nats."""
        loss = self._objective_now().loss(self._weights_in_training())
        value = loss.item()
        if self.penalty is not None:
            loss = loss + self.penalty(self.parameters)
        rate = learning_rate(self.recipe.optimiser, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.alterations.before(self.step, rate)
        self.optimiser.step()
        self.alterations.after(self.step, rate)
        self.step += 1
        return value

    def _weights_now(self) -> Mapping[str, Tensor]:
        return for_products(self.parameters, self.recipe, self.step)

    def _weights_in_training(self) -> Mapping[str, Tensor]:
        """Return the weights that this step's loss sees."""
        weights, noise = self._weights_now(), self.recipe.weight_noise
        if not noise:
            return weights
        return noisy_weights(weights, noise, stream("weight noise", self.recipe.seed, self.step))

    def _objective_now(self) -> Objective:
        """Plan the loss of this step: of its batch, with its dropout."""
        recipe, batch = self.recipe, self.examples.batch(self.step)
        if recipe.dropout:
            assert isinstance(recipe.model, TransformerConfig)
            batch = batch or self.examples.sides(self.step)["train"]
            masks = stream("dropout", recipe.seed, self.step)
            forward = DroppedForward(recipe.model, batch.tokens, recipe.dropout, masks)
            return LogitsObjective(forward, batch.answers, loss_of(recipe))
        return self.objectives["train"] if batch is None else self._objective(batch)

    def look(self) -> dict[str, float]:
        """Return loss and accuracy on the training and the held-out inputs, at this step."""
        if self.examples.fresh:
            self.objectives["train"] = self._objective(self.examples.sides(self.step)["train"])
        looks = {name: each.look(self._weights_now()) for name, each in self.objectives.items()}
        return {
            f"{name}_{what}": value for name, look in looks.items() for what, value in look._asdict().items()
        }

    def weights(self) -> dict[str, NDArray[np.floating]]:
        """Return a copy of the weights."""
        return {name: weight.detach().numpy().copy() for name, weight in self.parameters.items()}

    def state(self) -> dict[str, NDArray[np.floating]]:
        """Return a copy of all that the next step depends on, beside the recipe and the step."""
        state = {f"weight {name}": array for name, array in self.weights().items()}
        for name, weight in self.parameters.items():
            for key, value in self.optimiser.state[weight].items():
                if value is not None:
                    state[f"{key} {name}"] = torch.as_tensor(value).numpy().copy()
        return state | self.alterations.state()

    def restore(self, step: int, state: Mapping[str, NDArray[np.floating]]) -> None:
        """Go to ``step`` with what ``state`` returned there."""
        self.step = step
        self.alterations.restore(state)
        for name, weight in self.parameters.items():
            with torch.no_grad():
                weight.copy_(torch.from_numpy(state[f"weight {name}"]))
            self.optimiser.state[weight] = {
                key.split(" ")[0]: torch.from_numpy(array.copy())
                for key, array in state.items()
                if key.split(" ")[1] == name and not key.startswith("weight ")
            }

    def first_non_finite(self) -> str | None:
        """Name the first weight that is not finite; None if all are."""
        for name, weight in self.parameters.items():
            if not torch.isfinite(weight).all():
                return name
        return None

    def locate_non_finite(self, until: int) -> NonFinite:
        """Step on with every tensor checked, and say where the first value that is not finite arose."""
        while self.step <= until:
            step = self.step
            loss = self.advance()
            suspects = [("the loss", torch.tensor(loss))]
            suspects += [
                (f"the gradient of {name}", w.grad)
                for name, w in self.parameters.items()
                if w.grad is not None
            ]
            suspects += list(self.parameters.items())
            for name, tensor in suspects:
                if not torch.isfinite(tensor).all():
                    return NonFinite(
                        f"training stopped at step {step}: {name} is not finite; nothing of it was saved; "
                        "lower the learning rate or take a float64 loss"
                    )
        return NonFinite(
            f"training stopped before step {until}: a value was not finite, and did not come again"
        )
