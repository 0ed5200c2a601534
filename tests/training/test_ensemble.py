"""Several runs at once are the same runs."""

import pytest

from phasescope.errors import PhasescopeError
from phasescope.training.engine import train
from phasescope.training.ensemble import train_all
from phasescope.training.recipe import OptimiserConfig


def test_member_i_is_the_single_run_i(small, tmp_path):
    recipes = [
        small.model_copy(update={"seed": 0, "name": "a"}),
        small.model_copy(update={"seed": 1, "name": "b"}),
        small.model_copy(
            update={"optimiser": OptimiserConfig(weight_decay=0.1, learning_rate=3e-3), "name": "c"}
        ),
    ]
    runs = train_all(recipes, root=tmp_path / "all", workers=2, show_progress=False)
    assert [run.recipe.name for run in runs] == ["a", "b", "c"]
    for run, recipe in zip(runs, recipes, strict=True):
        single = train(recipe, root=tmp_path / "single", show_progress=False)
        assert single.folder.path.name == run.folder.path.name
        for step in single.steps():
            name = f"{step:09d}.safetensors"
            assert (single.folder.checkpoints / name).read_bytes() == (
                run.folder.checkpoints / name
            ).read_bytes()


def test_a_member_that_fails_is_named_and_the_others_finish(small, tmp_path):
    wild = small.model_copy(
        update={"name": "wild", "optimiser": OptimiserConfig(kind="sgd", learning_rate=1e3, warmup_steps=0)}
    )
    with pytest.raises(PhasescopeError, match=r"1 of 2 runs failed.*wild.*not finite"):
        train_all([wild, small], root=tmp_path, workers=2, show_progress=False)
    assert train(small, root=tmp_path, show_progress=False).status.state == "finished"
