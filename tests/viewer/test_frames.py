"""What is read off a checkpoint without torch equals the measures' and the report's own."""

import os
import subprocess
import sys

import numpy as np
import pytest

from phasescope.measures.context import Context
from phasescope.measures.measure import measure
from phasescope.measures.series import flattened
from phasescope.report.figures.embedding import embedding_circles
from phasescope.store import checkpoints
from phasescope.training.run import Run
from phasescope.viewer.frames import frame_of, read_frame
from phasescope.viewer.problem import Problem, modulus


@pytest.mark.parametrize("step", [0, 100, 200])
def test_numbers_equal_the_measures(trained, step):
    run = Run(trained)
    names = (
        "sum_squared_weights", "sum_squared_weights_per_tensor", "gini_W_E", "gini_W_L",
        "fourier_norm_W_E", "fourier_norm_W_L",
    )  # fmt: skip
    expected = measure(Context(run.model(step), run.task, run.split), names)
    frame = read_frame(trained, step, Problem(p=11))
    expected |= flattened("sum_squared_weights_per_tensor", expected.pop("sum_squared_weights_per_tensor"))
    for name, value in frame.numbers.items():
        assert value == pytest.approx(expected[name], rel=1e-12)
    for name, norms in frame.norms.items():
        by_frequency = expected[f"fourier_norm_{name}"]
        assert norms.tolist() == pytest.approx([by_frequency[k] for k in range(1, 6)], rel=1e-12)
    assert set(frame.norms) == {"W_E", "W_L"}


def test_circles_are_those_of_the_report(trained):
    W_E = checkpoints.read(trained, 200).tensors["embed.W_E"][:11].astype(np.float64)
    figure = embedding_circles(W_E, [2, 5])
    frame = read_frame(trained, 200, Problem(p=11))
    for axes, k in zip(figure.axes, (2, 5), strict=False):
        np.testing.assert_allclose(frame.circles[k - 1], axes.collections[0].get_offsets(), rtol=1e-12)


@pytest.mark.parametrize("p", [3, 8, 11])
def test_a_planted_circle_is_one_radius(p):
    k = 1
    angles = 2 * np.pi * k * np.arange(p) / p
    frame = frame_of(0, {"W_x": np.stack([np.cos(angles), 2 * np.sin(angles)], axis=1)}, Problem(p=p))
    radii = np.abs(frame.circles[k - 1]).max(axis=0)
    assert frame.norms["W_E"].argmax() == 0
    assert radii[1] == pytest.approx(2 * np.abs(np.sin(angles)).max())
    assert radii[0] == pytest.approx(1)


def test_a_network_without_residues_has_its_weights_only():
    frame = frame_of(7, {"blocks.0.mlp.b_in": np.array([1.0, 2.0])}, Problem())
    numbers = {"sum_squared_weights": 5.0, "sum_squared_weights_per_tensor.blocks.0.mlp.b_in": 5.0}
    assert (frame.numbers, frame.norms, frame.circles) == (numbers, {}, None)


@pytest.mark.parametrize("task", [{}, {"kind": "group"}, {"kind": "modular", "p": 100_003}, [3]])
def test_no_modulus(task):
    assert modulus({"task": task}) is None


def test_nothing_of_the_viewer_imports_torch():
    code = (
        "import sys, phasescope.viewer.export, phasescope.viewer.listing, phasescope.viewer.guard\n"
        "print({'torch', 'starlette'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout == "set()\n", done.stderr
