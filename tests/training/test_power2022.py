"""The preset of power2022 against what the paper and the authors' code say."""

import numpy as np
import pytest

from phasescope.errors import PhasescopeError
from phasescope.models.kernel.build import build
from phasescope.tasks.parse import POWER2022_TASKS
from phasescope.training.presets import POWER2022_ARMS, power2022
from phasescope.training.recipe import OptimiserConfig
from phasescope.training.trainer import Trainer

TASKS = {
    "x+y": 97**2, "x-y": 97**2, "x/y": 97 * 96, "x/y if y odd else x-y": 97**2, "x^2+y^2": 97**2,
    "x^2+x*y+y^2": 97**2, "x^2+x*y+y^2+x": 97**2, "x^3+x*y": 97**2, "x^3+x*y^2+y": 97**2,
    "x*y in S5": 120**2, "x*y*x^-1 in S5": 120**2, "x*y*x in S5": 120**2,
}  # fmt: skip
"""Appendix A.1.1, each with its number of equations; nine are mod 97, three in S5, twelve in all."""


@pytest.mark.parametrize(("operation", "n"), TASKS.items())
def test_every_task_of_the_paper_is_the_preset_s(operation, n):
    recipe = power2022(operation, fraction=0.5)
    task = recipe.task.build()
    assert len(task.pairs) == n
    assert recipe.batch_size == 512
    assert task.layout == "a o b ="  # x o y =, and the answer is read at the last position
    assert task.n_elements == (120 if "S5" in operation else 97)


def test_the_twelve_go_by_name_too():
    assert len(POWER2022_TASKS) == len(TASKS) == 12
    by_name = {power2022(name).task.build().name for name in POWER2022_TASKS}
    assert by_name == {power2022(operation).task.build().name for operation in TASKS}


def test_a_small_training_set_is_cut_into_two_batches():
    assert power2022("x+y", fraction=0.05).batch_size == 235  # of 470; min(512, ceil(n / 2))


ARMS = {
    # name: kind, learning rate, decay, what else differs
    "full_batch": ("adam", 1e-3, 0.0, {"batch_size": None}),
    "adam": ("adam", 1e-3, 0.0, {}),
    "update_noise": ("adam", 1e-3, 0.0, {"optimiser.update_noise": 1.0}),
    "dropout": ("adam", 1e-3, 0.0, {"dropout": 0.1}),
    "adamw": ("adamw", 1e-3, 1.0, {}),
    "decay_to_initial": ("adamw", 1e-3, 1.0, {"optimiser.decay_towards": "initial"}),
    "low_rate": ("adam", 3e-4, 0.0, {}),
    "high_rate": ("adam", 3e-3, 0.0, {}),
    "weight_noise": ("adam", 1e-3, 0.0, {"weight_noise": 0.01}),
}
"""Figure 2 left, appendix A.1.2."""
NOISELESS = {
    "batch_size": 512, "dropout": 0.0, "weight_noise": 0.0,
    "optimiser.update_noise": 0.0, "optimiser.decay_towards": "zero",
}  # fmt: skip


@pytest.mark.parametrize(("arm", "expected"), ARMS.items())
def test_every_arm_of_figure_2(arm, expected):
    kind, rate, decay, differs = expected
    recipe = power2022("x*y in S5", arm=arm)
    optimiser = recipe.optimiser
    assert (optimiser.kind, optimiser.learning_rate, optimiser.weight_decay) == (kind, rate, decay)
    assert (optimiser.beta1, optimiser.beta2, optimiser.epsilon, optimiser.warmup_steps) == (
        0.9,
        0.98,
        1e-8,
        10,
    )
    for name, value in (NOISELESS | differs).items():
        *above, last = name.split(".")
        assert getattr(getattr(recipe, above[0]) if above else recipe, last) == value
    assert ARMS.keys() == POWER2022_ARMS.keys()


def test_the_network_is_the_authors():
    """Two layers, width 128, four heads, fourfold MLP, post-layer-norm, no bias but the layer norms'."""
    model = Trainer(power2022(steps=10)).model
    by_layer = 4 * 128 * 128 + 2 * 128 * 512 + 2 * (128 + 128)
    embeddings = (97 + 2) * 128 * 2  # tokens, '=' and the operation, in and out
    assert sum(weight.numel() for weight in model.parameters()) == 2 * by_layer + embeddings
    assert 390_000 < 2 * by_layer < 400_000  # "about 4e5 non-embedding parameters"
    first = {name: weight.detach() for name, weight in model.named_parameters()}
    assert float(first["embed.W_E"].std()) == pytest.approx(1, rel=0.02)  # nn.Embedding
    bound = float(first["blocks.0.mlp.W_out"].abs().max())
    assert 0.95 * 512**-0.5 < bound <= 512**-0.5  # nn.Linear: uniform within 1 / sqrt(inputs)


def test_the_split_is_a_shuffle_of_numpy_s_seed_0():
    recipe = power2022("x+y", fraction=0.3)
    rows = np.arange(97**2)
    np.random.RandomState(0).shuffle(rows)
    assert recipe.split.split(recipe.task.build()).train.tolist() == rows[: round(97**2 * 0.3)].tolist()


def test_outliers_go_to_the_recipe():
    assert power2022("x*y in S5", outliers=1_000).outliers == 1_000
    with pytest.raises(PhasescopeError, match="a word in a group"):
        power2022("x*y*y in S5")


COMPILED = "lean" if build().library is None else "compiled"
SMALL_MODEL = {"d_model": 32, "n_heads": 2, "d_head": 16, "d_mlp": 64}
OPTIONS = {
    "grokfast": {"optimiser": OptimiserConfig(grokfast="ema")},
    "orthogonal": {"optimiser": OptimiserConfig(orthogonal=True)},
    "stablemax": {"loss": "stablemax"},
    "float32 loss": {"loss_dtype": "float32"},
    "double steps": {"dtype": "float32", "double_steps": 10},
}


@pytest.mark.parametrize("arm", [*sorted(POWER2022_ARMS), *OPTIONS])
def test_every_arm_and_option_trains_by_the_fast_way_as_by_the_plain_one(arm):
    recipe = power2022("x+y", fraction=0.03, **({} if arm in OPTIONS else {"arm": arm}))
    change = {"model": recipe.model.model_copy(update=SMALL_MODEL), "dtype": "float64"} | OPTIONS.get(arm, {})
    losses = {}
    for forward in ("auto", "plain"):
        trainer = Trainer(recipe.model_copy(update=change | {"forward": forward}))
        fast = "plain" if forward == "plain" or arm == "dropout" else COMPILED
        assert trainer.forward_name == fast
        losses[forward] = [trainer.advance() for _ in range(14)]
        losses[forward] += trainer.objectives["train"].look(trainer.parameters)
    tolerance = 1e-5 if "float32" in arm or arm == "double steps" else 1e-9
    np.testing.assert_allclose(losses["auto"], losses["plain"], rtol=tolerance)
