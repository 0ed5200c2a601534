"""What a study file asks for, and how a wrong one is refused."""

import re

import pytest

from phasescope.errors import PhasescopeError
from phasescope.sweeps.config import Range, Sample, SweepConfig, read_sweep, sweep_from_data


def test_grid_and_sample_are_multiplied():
    sweep = SweepConfig(
        name="s", grid={"seed": (0, 1, 2)}, sample=Sample(n=4, of={"steps": Range(low=5, high=9, whole=True)})
    )
    points = sweep.points()
    assert len(points) == 12
    assert {point["seed"] for point in points} == {0, 1, 2}
    assert all(isinstance(point["steps"], int) and 5 <= point["steps"] <= 9 for point in points)


def test_more_samples_and_more_fields_leave_the_first_points_as_they_are():
    rate = Range(low=1e-4, high=1e-1, scale="log")
    few = Sample(n=5, of={"optimiser.learning_rate": rate}).points()
    many = Sample(n=50, of={"seed": (0, 1), "optimiser.learning_rate": rate}).points()
    shared = [point["optimiser.learning_rate"] for point in many[:5]]
    assert shared == [point["optimiser.learning_rate"] for point in few]
    logs = sorted(point["optimiser.learning_rate"] for point in many)
    assert 1e-4 <= logs[0] < 1e-3 < logs[25] < 1e-1 > logs[-1]  # evenly in the logarithm


def test_the_diagram_s_axes_leave_seeds_out():
    grid = {"seed": (0, 1), "split.fraction": (0.3, 0.4), "steps": (9,), "optimiser.weight_decay": (0.1, 1.0)}
    assert SweepConfig(name="s", grid=grid).axes() == ("split.fraction", "optimiser.weight_decay")
    assert SweepConfig(name="s", grid={"seed": (0, 1), "steps": (1, 2)}).axes() is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "needs name"),
        ({"name": "s", "gird": {}}, "gird is not a key; did you mean grid?"),
        ({"name": "../s"}, "name needs 1 to 80 letters, digits or _ . + -, and no sign first; got '../s'"),
        ({"name": 3}, "study.toml: name needs a text; got 3"),
        ({"name": "s", "grid": {"seed": 3}}, "grid.seed needs a list of values, such as [0.3, 0.5]; got 3"),
        ({"name": "s", "grid": {"seed": []}}, "grid.seed needs a list of values"),
        ({"name": "s", "grid": {"model": {"d_mlp": [1]}}}, "grid.model needs a list of values; got a table"),
        ({"name": "s", "grid": {"a.b": [0, [1]]}}, "grid.a.b needs values that are finite numbers, texts"),
        ({"name": "s", "grid": {"seed": [float("nan")]}}, "true or false; got nan"),
        ({"name": "s", "diagram": "x"}, "diagram needs a table; got 'x'"),
        ({"name": "s", "sample": {"n": 0, "of": {"a": [1]}}}, "sample.n needs a number of at least 1; got 0"),
        ({"name": "s", "sample": {"n": 1, "of": {"a.b": 3}}}, "sample.of.a.b needs a list of values"),
        (
            {"name": "s", "sample": {"n": 1, "of": {"a.b": {"low": 1}}}},
            "sample.of.a.b is no range: needs high",
        ),
        (
            {"name": "s", "grid": {"seed": [1], "a": [1]}, "diagram": {"x": "b", "y": "a"}},
            "b is not in the grid",
        ),
        ({"name": "s", "grid": {"threads": [1, 2]}}, "every member takes one thread"),
        ({"name": "s", "grid": {"a": [1]}, "diagram": {"x": "a", "y": "a"}}, "two different fields"),
        ({"name": "s", "grid": {"x": [1]}, "sample": {"n": 1, "of": {"x": [1]}}}, "x is both in the grid"),
        ({"name": "s", "sample": {"n": 1, "of": {"x": {"low": 0, "high": 1, "scale": "log"}}}}, "low > 0"),
        ({"name": "s", "grid": {k: list(range(100)) for k in "abc"}}, "at most 100,000 members"),
    ],
)
def test_a_wrong_study_is_refused_in_one_line(data, message):
    with pytest.raises(PhasescopeError) as refused:
        sweep_from_data(data, "study.toml")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not re.search("tuple|dictionary|input should|instance of|valid ", str(refused.value))


def test_a_file_that_is_no_toml_is_refused_in_one_line(tmp_path):
    (tmp_path / "study.toml").write_text("name = \n")
    with pytest.raises(PhasescopeError, match=r"study\.toml cannot be read"):
        read_sweep(tmp_path / "study.toml")
