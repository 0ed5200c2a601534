"""Kaplan and Meier: hand-computed, the limits, and against scipy."""

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from phasescope.errors import PhasescopeError
from phasescope.evidence.survival import Censored, kaplan_meier


def test_by_hand() -> None:
    # at risk 5, 4, 2: one event each; the run censored at 7 is at risk at 4 but no more at 9
    curve = kaplan_meier([2, 4, 9, Censored(7), Censored(20)])
    np.testing.assert_allclose(curve.fraction, [4 / 5, 4 / 5 * 3 / 4, 4 / 5 * 3 / 4 * 1 / 2])
    greenwood = np.sqrt(1 / (5 * 4) + 1 / (4 * 3))
    spread = 1.959963984540054 * greenwood / -np.log(0.6)
    assert curve.low[1] == pytest.approx(0.6 ** np.exp(spread))
    assert curve.high[1] == pytest.approx(0.6 ** np.exp(-spread))
    assert curve.median == 9
    assert curve.censored_at.tolist() == [7, 20]


def test_without_censoring_it_is_the_empirical_distribution() -> None:
    times = np.random.default_rng(0).permutation(np.arange(100, 1100, 100))
    curve = kaplan_meier([int(time) for time in times])
    np.testing.assert_allclose(curve.fraction, np.arange(9, -1, -1) / 10, atol=1e-15)
    assert curve.median == 500


def test_against_scipy() -> None:
    rng = np.random.default_rng(1)
    times, seen = rng.integers(1, 60, 80), rng.random(80) < 0.6
    curve = kaplan_meier([int(t) if s else Censored(int(t)) for t, s in zip(times, seen, strict=True)])
    theirs = ecdf(CensoredData(uncensored=times[seen], right=times[~seen])).sf
    np.testing.assert_allclose(curve.fraction, theirs.evaluate(curve.steps), atol=1e-12)
    band = theirs.confidence_interval(method="log-log")
    np.testing.assert_allclose(curve.low, band.low.evaluate(curve.steps), atol=1e-9)
    np.testing.assert_allclose(curve.high, band.high.evaluate(curve.steps), atol=1e-9)


def test_all_censored_has_no_median() -> None:
    curve = kaplan_meier([Censored(100), Censored(100)])
    assert curve.median is None
    assert curve.steps.size == 0
    assert str(curve) == "median not reached (not reached to not reached), n = 2, 2 censored"


def test_median_interval_covers() -> None:
    rng = np.random.default_rng(2)
    truth, hits, trials = 1000 * np.log(2), 0, 400
    for _ in range(trials):
        times, ends = rng.exponential(1000, 30).astype(int) + 1, rng.exponential(3000, 30).astype(int) + 1
        curve = kaplan_meier(
            [int(t) if t <= e else Censored(int(e)) for t, e in zip(times, ends, strict=True)]
        )
        low = -np.inf if curve.median_low is None else curve.median_low
        high = np.inf if curve.median_high is None else curve.median_high
        hits += low <= truth <= high
    assert 0.92 <= hits / trials <= 0.99


def test_one_run_and_none() -> None:
    assert kaplan_meier([5]).median == 5
    with pytest.raises(PhasescopeError, match="at least one run"):
        kaplan_meier([])
