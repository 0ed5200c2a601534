"""Phases: the published shape, runs that stop short, runs without phases, and anything at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasescope.phases.grokking import grokking_phases
from phasescope.phases.series import Series
from phasescope.phases.stretches import Phases

LOOKS = np.concatenate([np.arange(100), np.arange(100, 16_001, 100)])
# (step, value) on the published mainline, retrained: test loss, and the sum of squared weights
# fmt: off
TEST = [
    (0, 4.77), (100, 7.7), (200, 16.1), (1_400, 26.1), (5_000, 21.7), (7_000, 16.5), (8_400, 10.4),
    (9_400, 6.64), (10_000, 2.11), (10_600, 0.0575), (11_000, 3.4e-3), (12_000, 1.5e-6), (14_000, 3.3e-7),
    (16_000, 3.1e-7),
]
SQUARES = [
    (0, 1783), (200, 3655), (900, 3650), (1_400, 3400), (2_000, 3000), (5_000, 2600), (8_000, 2280),
    (9_400, 2102), (12_000, 1200), (12_700, 1080), (13_300, 1020), (14_000, 1001), (16_000, 985),
]
# fmt: on


def _through(points: list[tuple[float, float]], looks: np.ndarray = LOOKS, log: bool = True) -> Series:
    steps, values = np.array(points).T
    curve = np.exp(np.interp(looks, steps, np.log(values))) if log else np.interp(looks, steps, values)
    return Series.of(looks, curve)


def _train(looks: np.ndarray = LOOKS) -> Series:
    return _through([(0, 4.77), (100, 2.3), (200, 0.02), (1_400, 3.9e-7), (16_000, 1e-7)], looks)


def _step(phases: Phases, name: str) -> int:
    boundary = phases.end_of(name)
    assert boundary is not None
    assert boundary.low <= boundary.step <= boundary.high
    return boundary.step


def test_the_published_boundaries_within_15_per_cent() -> None:
    found = grokking_phases(_train(), _through(TEST), sum_squared_weights=_through(SQUARES, log=False))
    assert found.names == ("memorisation", "circuit formation", "cleanup", "stable")
    for name, published in (("memorisation", 1_400), ("circuit formation", 9_400), ("cleanup", 14_000)):
        assert _step(found, name) == pytest.approx(published, rel=0.15)
    starts, ends = [one.start for one in found.stretches], [one.end for one in found.stretches]
    assert starts == [0, *ends[:-1]]
    assert ends[-1] == 16_000


@pytest.mark.parametrize("factor", [0.3, 0.7, 2.0, 5.0])
def test_a_slower_run_has_later_phases(factor: float) -> None:
    looks = np.unique((LOOKS * factor).astype(np.int64))
    stretched = [(step * factor, value) for step, value in TEST]
    train = [
        (0, 4.77),
        (100 * factor, 2.3),
        (200 * factor, 0.02),
        (1_400 * factor, 3.9e-7),
        (16_000 * factor, 1e-7),
    ]
    once = grokking_phases(_train(), _through(TEST))
    other = grokking_phases(_through(train, looks), _through(stretched, looks))
    for name in ("memorisation", "circuit formation", "cleanup"):
        assert _step(other, name) == pytest.approx(factor * _step(once, name), rel=0.03)


def test_noise_of_a_few_per_cent_moves_boundaries_little() -> None:
    clean = grokking_phases(_train(), _through(TEST))
    for seed in range(10):
        noise = np.exp(np.random.default_rng(seed).normal(0, 0.03, len(LOOKS)))
        noisy = grokking_phases(_train(), Series.of(LOOKS, _through(TEST).values * noise))
        assert noisy.names == clean.names
        assert _step(noisy, "circuit formation") == pytest.approx(_step(clean, "circuit formation"), rel=0.1)
        assert _step(noisy, "cleanup") == pytest.approx(_step(clean, "cleanup"), rel=0.1)


def test_one_spike_does_not_move_the_top() -> None:
    values = _through(TEST).values.copy()
    values[LOOKS == 6_000] = 80.0
    assert _step(grokking_phases(_train(), Series.of(LOOKS, values)), "memorisation") == 1_400


def test_a_run_cut_short_keeps_its_last_stretch_open() -> None:
    cut = {
        end: grokking_phases(_train().between(0, end), _through(TEST).between(0, end))
        for end in (1_000, 6_000, 11_300)
    }
    assert (cut[1_000].names, cut[1_000].boundaries) == (("memorisation",), ())
    assert cut[1_000].stretches[0].end == 1_000
    assert cut[6_000].names == ("memorisation",)
    assert _step(cut[6_000], "memorisation") == 1_400
    assert cut[11_300].names == ("memorisation", "circuit formation", "cleanup")
    assert cut[11_300].end_of("cleanup") is None
    assert cut[11_300].stretches[-1].end == 11_300


def test_a_run_that_never_groks_has_memorisation_only() -> None:
    rising = _through([(0, 4.77), (200, 16.0), (16_000, 60.0)])
    assert grokking_phases(_train(), rising).names == ("memorisation",)
    flat = _through([(0, 4.77), (200, 16.0), (1_400, 26.0), (16_000, 20.0)])
    assert grokking_phases(_train(), flat).names == ("memorisation",)


def test_a_smooth_learner_has_no_phases() -> None:
    together = _through([(0, 4.77), (2_000, 0.04), (16_000, 1e-7)])
    assert grokking_phases(together, Series.of(LOOKS, together.values * 1.1)).names == ()


def test_a_fall_that_is_steep_from_the_top_on_has_no_circuit_formation() -> None:
    falling = _through([(0, 4.77), (400, 12.0), (5_000, 1e-6), (16_000, 9e-7)])
    found = grokking_phases(_train(), falling)
    assert found.names == ("memorisation", "cleanup", "stable")
    assert found.stretches[1].start == found.stretches[0].end == 400


def test_a_fall_that_slows_without_levelling_still_begins_where_it_turns_steep() -> None:
    slowing = _through([(0, 4.77), (400, 12.0), (3_000, 8.0), (6_000, 1e-2), (16_000, 1e-4)])
    found = grokking_phases(_train(), slowing)
    assert found.names == ("memorisation", "circuit formation", "cleanup")
    assert _step(found, "circuit formation") == pytest.approx(3_000, abs=200)


def test_a_run_that_does_not_learn_has_no_phases() -> None:
    flat = Series.of(LOOKS, np.full(len(LOOKS), 4.77))
    assert grokking_phases(flat, flat).names == ()


def test_excluded_loss_tells_a_forming_circuit_from_a_plateau() -> None:
    rising = _through([(0, 4.77), (1_400, 6e-5), (9_400, 7.2), (16_000, 5.0)])
    level = Series.of(LOOKS, np.full(len(LOOKS), 0.3))
    test, unfinished = _through(TEST), _through(TEST).between(0, 6_000)
    assert grokking_phases(_train(), test, excluded_loss=rising).names[1] == "circuit formation"
    assert grokking_phases(_train(), test, excluded_loss=level).names[1] == "plateau"
    begun = grokking_phases(_train(), unfinished, excluded_loss=rising)
    assert begun.names == ("memorisation", "circuit formation")
    assert begun.end_of("circuit formation") is None


def test_a_diverged_run_is_cut_before_its_first_nan() -> None:
    values = _through(TEST).values.copy()
    values[LOOKS >= 12_600] = np.nan
    found = grokking_phases(_train(), Series.of(LOOKS, values))
    assert found.names[:3] == ("memorisation", "circuit formation", "cleanup")
    assert found.stretches[-1].end <= 12_500


NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 30) | st.just(0.0)
SERIES = st.lists(
    st.tuples(st.integers(0, 500), NUMBERS), min_size=1, max_size=60, unique_by=lambda pair: pair[0]
)


@given(SERIES, SERIES, st.none() | SERIES, st.none() | SERIES)
@settings(max_examples=150, deadline=None)
def test_never_an_exception(train: list, test: list, squares: list | None, excluded: list | None) -> None:
    series = [
        None if one is None else Series.of(*zip(*sorted(one), strict=True))
        for one in (train, test, squares, excluded)
    ]
    found = grokking_phases(series[0], series[1], sum_squared_weights=series[2], excluded_loss=series[3])
    assert len(found.stretches) - len(found.boundaries) in (0, 1)


@given(st.lists(st.floats(1e-9, 30), min_size=30, max_size=120))
@settings(max_examples=60, deadline=None)
def test_stretches_always_tile_the_run(values: list[float]) -> None:
    steps = np.arange(len(values)) * 10
    train = Series.of(steps, np.geomspace(5.0, 1e-6, len(values)))
    found = grokking_phases(train, Series.of(steps, [5.0, *values[1:]]))
    for before, after in zip(found.stretches, found.stretches[1:], strict=False):
        assert before.end == after.start
        assert before.start <= before.end
