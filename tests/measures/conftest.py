"""Small networks on small tasks, their logits spread widely enough to have something to read."""

from collections.abc import Callable

import pytest
import torch

from phasescope.measures.context import Context
from phasescope.models.build import build_model, model_from_parameters
from phasescope.models.config import TransformerConfig, shape_for
from phasescope.models.model import Model
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import parse_split
from phasescope.tasks.task import Task

SMALL = TransformerConfig(d_model=16, n_heads=2, d_head=8, d_mlp=24)


def untrained(task: Task, seed: int = 0, gain: float = 2.0, config: TransformerConfig = SMALL) -> Model:
    """A network with random weights, larger than usual so that its softmax is far from flat."""
    shape = shape_for(config, task.n_elements, task.d_vocab, task.n_ctx)
    model = build_model(config, shape, seed, dtype=torch.float64)
    return model_from_parameters(config, shape, {n: gain * w for n, w in model.state_dict().items()})


@pytest.fixture
def context_of() -> Callable[..., Context]:
    """Build a context from the name of a task, with a random network unless a model is given."""

    def build(
        name: str, model: Model | None = None, split: str = "nanda2023:0:0.4", **options: object
    ) -> Context:
        task = parse_task(name).build()
        return Context(model or untrained(task), task, parse_split(split).split(task), **options)

    return build


@pytest.fixture
def replaced() -> Callable[..., Context]:
    """Return a context whose activations are partly replaced by hand."""

    def build(context: Context, **activations: torch.Tensor) -> Context:
        other = context.at(context.model)
        other.__dict__["activations"] = context.activations | {
            name.replace("__", "."): value for name, value in activations.items()
        }
        return other

    return build
