import numpy as np

from phasescope.store.continuity import jumps


def smooth(rng, n=150):
    """Changes as training shows them: a fast start, then slow swells with a few per cent of jitter."""
    time = np.linspace(0, 3, n)
    swells = 0.03 + 0.02 * np.sin(2 * np.pi * time + rng.uniform(0, 6)) + 0.6 * np.exp(-np.arange(n) / 2)
    return swells * rng.lognormal(0, 0.3, n)


def test_a_smooth_series_has_no_jumps():
    rng = np.random.default_rng(0)
    steps = np.arange(151) * 100
    assert [jumps(steps, smooth(rng)) for _ in range(200)] == [()] * 200


def test_a_foreign_checkpoint_is_named_wherever_it_lies():
    rng = np.random.default_rng(0)
    steps = np.arange(151) * 100
    for at in range(11, 150):
        changes = smooth(rng)
        changes[[at - 1, at]] = np.sqrt(2)
        assert [step for step, _ in jumps(steps, changes)] == [at * 100]


def test_a_foreign_last_checkpoint_is_named():
    changes = smooth(np.random.default_rng(0))
    changes[-1] = np.sqrt(2)
    ((step, times),) = jumps(np.arange(151) * 100, changes)
    assert step == 15_000
    assert times > 8


def test_the_threshold_is_eight_times_the_median():
    changes = np.full(30, 0.5)
    for times, found in ((7.99, 0), (8.01, 1)):
        changes[20] = 0.5 * times
        assert len(jumps(np.arange(31), changes)) == found


def test_a_change_of_spacing_is_no_jump():
    """Every step at first, every hundredth later, and a hole where checkpoints are missing."""
    steps = np.r_[np.arange(100), np.arange(100, 3100, 100), np.arange(6000, 9000, 100)]
    assert jumps(steps, 0.001 * np.diff(steps)) == ()


def test_the_first_leaps_are_not_judged():
    changes = np.full(40, 0.03)
    changes[:10] = 3.0
    assert jumps(np.arange(41), changes) == ()


def test_too_short_or_still_a_series_has_no_jumps():
    assert jumps(np.array([], np.int64), np.array([])) == ()
    assert jumps(np.array([0]), np.array([])) == ()
    assert jumps(np.arange(41), np.zeros(40)) == ()
