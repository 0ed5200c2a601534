"""Small recipes that train in a second or two."""

import pytest

from phasescope.models.config import TransformerConfig
from phasescope.tasks.config import ModularTask
from phasescope.tasks.split import SplitConfig
from phasescope.training.recipe import Recipe, ScheduleConfig


@pytest.fixture
def small():
    """A recipe whose step takes about a millisecond; change it with model_copy(update=...)."""
    return Recipe(
        name="small",
        task=ModularTask(operation="a+b", p=11),
        split=SplitConfig(kind="nanda2023", fraction=0.5, seed=0),
        model=TransformerConfig(d_model=16, n_heads=2, d_head=8, d_mlp=32),
        steps=60,
        schedule=ScheduleConfig(every_step_until=10, look_every=10, checkpoint_every=20),
        threads=1,
    )
