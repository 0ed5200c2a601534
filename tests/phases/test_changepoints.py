"""Segmentation: planted breaks, laws, and the coverage of the intervals."""

import numpy as np
import pytest
from numpy.random import Generator

from phasescope.errors import PhasescopeError
from phasescope.phases.changepoints import segment
from phasescope.phases.series import Series

STEPS = np.arange(0, 16_001, 100)


def _bent(breaks: list[int], slopes: list[float], steps: np.ndarray = STEPS) -> np.ndarray:
    """A continuous curve with these slopes per 1,000 steps."""
    knots = [steps[0], *breaks, steps[-1]]
    heights = np.concatenate([[0.0], np.cumsum(np.diff(knots) * np.array(slopes) / 1000)])
    return np.interp(steps, knots, heights)


@pytest.mark.parametrize(
    ("breaks", "slopes"),
    [
        ([9_400], [-0.1, -3.0]),
        ([4_000, 9_000], [-0.1, -2.0, 0.0]),
        ([2_000, 6_000, 11_000], [1.0, -1.0, 0.5, 0.0]),
    ],
)
def test_breaks_without_noise_are_found_exactly(breaks: list[int], slopes: list[float]) -> None:
    found = segment(Series.of(STEPS, _bent(breaks, slopes)), len(breaks))
    assert [one.step for one in found.breaks] == breaks
    assert [(one.low, one.high) for one in found.breaks] == [(b - 100, b + 100) for b in breaks]
    np.testing.assert_allclose(found.slopes * 1000, slopes, atol=1e-9)


def test_uneven_looks_give_the_same_breaks() -> None:
    dense = np.concatenate([np.arange(100), STEPS[1:]])
    series = Series.of(dense, _bent([9_000], [-0.1, -3.0], dense))
    [found] = segment(series, 1).breaks
    assert abs(found.step - 9_000) <= 85  # one grid step of 16,000 / 199


def test_scaling_and_tilting_move_no_break() -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, len(STEPS))
    values = _bent([4_000, 9_000], [-0.1, -2.0, 0.0]) + noise
    first, scaled, tilted = (
        segment(Series.of(STEPS, curve), 2).breaks
        for curve in (values, 5 * values - 3, values + STEPS / 1000)
    )
    assert first == scaled
    assert [one.step for one in first] == [one.step for one in tilted]


def _coverage(noise, trials: int) -> float:
    truth, rng, hits = [5_000, 10_000], np.random.default_rng(1), 0
    clean = _bent(truth, [-0.2, -1.5, 0.0])
    for _ in range(trials):
        found = segment(Series.of(STEPS, clean + noise(rng)), 2).breaks
        hits += sum(one.low <= true <= one.high for one, true in zip(found, truth, strict=True))
    return hits / (2 * trials)


def test_intervals_cover_planted_breaks_under_independent_noise() -> None:
    covered = _coverage(lambda rng: rng.normal(0, 0.4, len(STEPS)), 50)
    assert covered >= 0.92  # one grid step is added to either side, so a little above 95 %


def test_intervals_stay_honest_when_noise_is_correlated() -> None:
    def wander(rng: Generator) -> np.ndarray:
        noise = np.zeros(len(STEPS))
        for i, kick in enumerate(rng.normal(0, 0.25, len(STEPS))):
            noise[i] = (0.7 * noise[i - 1] if i else 0.0) + kick
        return noise

    assert _coverage(wander, 40) >= 0.88


def test_a_curve_that_is_not_piecewise_linear_gets_a_wider_interval() -> None:
    straight = _bent([8_000], [0.0, -1.0])
    x = (STEPS - 8_000) / 1000
    round_corner = -np.logaddexp(0, 1.5 * x) / 1.5  # the same two slopes, joined by a curve
    [sharp], [blunt] = (segment(Series.of(STEPS, curve), 1).breaks for curve in (straight, round_corner))
    assert blunt.low <= 8_000 <= blunt.high
    assert blunt.high - blunt.low > sharp.high - sharp.low


def test_a_constant_series_has_breaks_anywhere() -> None:
    [found] = segment(Series.of(STEPS, np.zeros(len(STEPS))), 1).breaks
    assert found.high - found.low > 15_000


@pytest.mark.parametrize(
    ("values", "n_breaks"), [([1.0] * 5, 1), ([1.0] * 20, 0), ([1.0] * 11, 3), ([1.0] * 19 + [np.nan], 1)]
)
def test_what_cannot_be_cut_is_refused(values: list[float], n_breaks: int) -> None:
    with pytest.raises(PhasescopeError, match="segment needs"):
        segment(Series.of(range(len(values)), values), n_breaks)


@pytest.mark.parametrize("n_looks", range(6, 40))
def test_few_looks_are_enough(n_looks: int) -> None:
    steps = np.arange(n_looks)
    for n_breaks in range(1, n_looks // 3):
        assert len(segment(Series.of(steps, np.sin(steps)), n_breaks).breaks) == n_breaks
