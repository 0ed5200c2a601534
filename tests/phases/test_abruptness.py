"""Abruptness: a smooth learner comes out "no", a phase change "yes" with its step inside the interval."""

import numpy as np
import pytest

from phasescope.errors import PhasescopeError
from phasescope.phases.abruptness import abrupt_phases, abruptness, halfway
from phasescope.phases.formula import course_of
from phasescope.phases.series import Series

STEPS = np.arange(0, 2001, 20)
T = STEPS / 2000

SMOOTH = {
    "fast exponential": np.exp(-T / 0.02),
    "slow exponential": np.exp(-T / 0.3),
    "two exponentials": 0.7 * np.exp(-T / 0.02) + 0.3 * np.exp(-T / 0.5),
    "power law": (1 + 200 * T) ** -0.5,
    "steep power law": (1 + 50 * T) ** -1.5,
    "straight line": 1 - T,
    "faster and faster": 1 - T**2,
    "logarithm": 1 - np.log1p(100 * T) / 5,
    "wide sigmoid": 1 / (1 + np.exp((T - 0.4) / 0.2)),
    "nothing learnt": np.ones_like(T),
}
ABRUPT = {
    "sigmoid": (1 / (1 + np.exp((T - 0.4) / 0.02)), 0.4),
    "late sigmoid": (1 / (1 + np.exp((T - 0.8) / 0.03)), 0.8),
    "after an early fall": (0.3 * np.exp(-T / 0.01) + 0.7 / (1 + np.exp((T - 0.5) / 0.02)), 0.5),
    "with a slow tail": (np.where(T < 0.4, 1.0, 0.2 * (1 + 20 * np.maximum(T - 0.4, 0)) ** -1) ** 1.0, 0.4),
    "after a rise": (1 + T * (T < 0.5) - 1.5 / (1 + np.exp(-(T - 0.5) / 0.02)) * (T >= 0.3), 0.5),
    "mode of a deep linear network": (1 - 1 / (1 + 1e3 * np.exp(-T / 0.05)), 0.05 * np.log(1e3)),
}


def noisy(values, size, seed):
    return values + size * np.random.default_rng(seed).standard_normal(len(values))


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_learner_comes_out_no(name, noise):
    for seed in range(2 if noise else 1):
        found = abruptness(Series.of(STEPS, noisy(SMOOTH[name], noise, seed)))
        assert not found.abrupt, found.why


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("name", ABRUPT)
def test_a_phase_change_comes_out_yes_and_where(name, noise):
    values, middle = ABRUPT[name]
    for seed in range(2 if noise else 1):
        found = abruptness(Series.of(STEPS, noisy(values, noise, seed)))
        assert found.abrupt, found.why
        assert found.begins.low <= 2000 * middle + 10 <= found.ends.high + 20


def test_units_of_either_axis_change_nothing():
    values, _ = ABRUPT["sigmoid"]
    one = abruptness(Series.of(STEPS, values))
    scaled = abruptness(Series.of(STEPS * 7, 100 * values))
    assert scaled.abrupt
    assert scaled.begins.step == pytest.approx(7 * one.begins.step, rel=0.02)


def test_a_long_level_tail_does_not_hide_the_fall():
    steps = np.arange(0, 20_001, 20)
    early = Series.of(steps, 0.5 - 0.5 * np.tanh((steps - 400) / 40))
    found = abruptness(early)
    assert found.abrupt, found.why
    assert 300 <= found.begins.step < 400 < found.ends.step <= 500
    assert not abruptness(Series.of(steps, np.exp(-steps / 400))).abrupt


def test_halfway_is_known_to_the_looks_around_it():
    steps = range(0, 100, 10)
    clean = halfway(Series.of(steps, [10, 10, 9, 8, 3, 2, 1, 0, 0, 0]))
    assert (clean.step, clean.low, clean.high) == (40, 30, 40)
    noisy_one = halfway(Series.of(steps, [10, 10, 4, 8, 3, 2, 9, 1, 0, 0]))
    assert (noisy_one.step, noisy_one.low, noisy_one.high) == (70, 10, 70)
    assert halfway(Series.of(steps, [5.0] * 10)) is None
    assert halfway(Series.of(steps, [10, 10, 9, 8, 7, 6, 6, 6, 3, 0])) is None


def test_too_few_looks_are_refused():
    with pytest.raises(PhasescopeError, match="15 looks"):
        abruptness(Series.of(range(14), range(14)))


def test_ways_to_learn_are_told_apart():
    fast = 3 * np.exp(-T / 0.01)
    late, high = 3 / (1 + np.exp((T - 0.6) / 0.02)), 3 + T
    cases = {
        "grokking": (fast, late),
        "phase change": (late, 1.1 * late),
        "memorisation only": (fast, high),
        "smooth": (fast, 1.1 * fast),
        "not learnt": (high, high),
    }
    for way, (train, test) in cases.items():
        assert course_of(Series.of(STEPS, train), Series.of(STEPS, test)).way == way


def test_a_floor_counts_as_nothing_left():
    late = 1.0 + 2 / (1 + np.exp((T - 0.6) / 0.02))
    series = Series.of(STEPS, late)
    assert course_of(series, series).way == "not learnt"
    assert course_of(series, series, floor=1.0).way == "phase change"


def test_a_sudden_fall_cuts_a_run_where_the_verdict_says():
    steps = np.arange(0, 2001, 10)
    fall = Series.of(steps, 1 / (1 + np.exp((steps - 800) / 30)))
    verdict, phases = abruptness(fall), abrupt_phases(fall)
    assert [(one.start, one.end) for one in phases.stretches] == [
        (0, verdict.begins.step),
        (verdict.begins.step, verdict.ends.step),
        (verdict.ends.step, 2000),
    ]
    assert [(one.low, one.step, one.high) for one in phases.boundaries] == [
        (one.low, one.step, one.high) for one in (verdict.begins, verdict.ends)
    ]
    assert verdict.begins.step < 800 < verdict.ends.step


@pytest.mark.parametrize(
    "values",
    [np.exp(-np.arange(100) / 9), np.ones(5), np.append(np.ones(99), np.nan)],
    ids=("smooth", "few", "nan"),
)
def test_what_does_not_fall_suddenly_is_not_cut(values):
    assert abrupt_phases(Series.of(range(len(values)), values)).stretches == ()
