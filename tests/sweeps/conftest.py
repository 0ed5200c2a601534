"""A study of tiny runs."""

import pytest

STUDY = """
name = "tiny"
[recipe]
name = "tiny"
steps = 40
task = "a+b mod 7"
[recipe.split]
kind = "phasescope"
[recipe.model]
kind = "transformer"
d_model = 8
n_heads = 1
d_head = 8
d_mlp = 16
[recipe.optimiser]
learning_rate = 1e-2
[recipe.schedule]
every_step_until = 0
look_every = 10
checkpoint_every = 10
"""


@pytest.fixture
def study(tmp_path):
    """Write a study file with this grid, as TOML, and return its path."""

    def write(grid):
        path = tmp_path / "study.toml"
        path.write_text(f"{STUDY}\n[grid]\n{grid}\n")
        return path

    return write
