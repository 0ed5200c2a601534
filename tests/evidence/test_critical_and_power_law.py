"""Where something begins, and how a time scales: known answers, somebody else's fit, and coverage."""

import numpy as np
import pytest
from scipy import optimize, stats

from phasescope.errors import PhasescopeError
from phasescope.evidence.critical import critical_value
from phasescope.evidence.power_law import fit_power_law
from phasescope.evidence.survival import Censored


def test_without_censoring_the_law_is_the_regression_line_with_student_s_interval():
    rng = np.random.default_rng(0)
    x = np.repeat([0.1, 0.3, 1.0, 3.0], 3)
    times = np.exp(7 - 0.9 * np.log(x) + 0.2 * rng.standard_normal(12)).astype(int)
    law = fit_power_law(x.tolist(), times.tolist())
    line = stats.linregress(np.log(x), np.log(times))
    half = stats.t.ppf(0.975, 10) * line.stderr
    assert law.exponent == pytest.approx(line.slope, abs=1e-6)
    assert (law.low, law.high) == pytest.approx((line.slope - half, line.slope + half), abs=1e-6)


def test_censored_runs_are_later_and_not_at_their_end():
    """The maximum of the censored likelihood by scipy's own optimiser; dropping or clamping gives another."""
    rng = np.random.default_rng(1)
    x = np.repeat([0.1, 0.2, 0.5, 1.0], 8)
    true = np.exp(7 - 1.0 * np.log(x) + 0.3 * rng.standard_normal(32))
    times = [Censored(8_000) if t > 8_000 else int(t) for t in true]
    law = fit_power_law(x.tolist(), times)
    assert law.n_censored >= 5
    y = np.log(np.minimum(true.astype(int), 8_000))
    late = true > 8_000

    def minus_log_likelihood(theta):
        a, k, s = theta[0], theta[1], np.exp(theta[2])
        z = (y - a - k * np.log(x)) / s
        return -(stats.norm.logpdf(z[~late]) - np.log(s)).sum() - stats.norm.logsf(z[late]).sum()

    best = optimize.minimize(minus_log_likelihood, [7, -1, -1], method="Nelder-Mead", tol=1e-12).x
    assert law.exponent == pytest.approx(best[1], abs=1e-4)
    clamped = stats.linregress(np.log(x), y).slope
    assert law.low < -1.0 < law.high
    assert clamped > law.exponent  # times put at the end of the run flatten the law


def test_the_exponent_s_interval_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(2)
    x, covered, n = np.repeat([0.1, 0.3, 1.0], 4), 0, 20
    for _ in range(n):
        true = np.exp(7 - np.log(x) + 0.4 * rng.standard_normal(12))
        law = fit_power_law(x.tolist(), [Censored(9_000) if t > 9_000 else int(t) for t in true])
        covered += law.low <= -1 <= law.high
    assert covered >= 16  # 95 % of 20 is 19; fewer than 16 would come three times in a thousand


def test_a_gap_is_the_interval_and_a_mixture_is_narrower_with_more_runs():
    clean = critical_value([0.1, 0.2, 0.3, 0.4], [False, False, True, True])
    assert clean.centre == pytest.approx(0.25, abs=0.01)
    assert clean.low < 0.2
    assert clean.high > 0.3
    rng = np.random.default_rng(0)
    widths = []
    for n in (10, 100):
        at = np.repeat(np.linspace(0.1, 0.5, 5), n)
        found = critical_value(
            at.tolist(), (rng.random(len(at)) < 1 / (1 + np.exp(-(at - 0.3) / 0.05))).tolist()
        )
        assert found.low < 0.3 < found.high
        widths.append(found.high - found.low)
    assert widths[1] < 0.6 * widths[0]


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(PhasescopeError, match="some with the event and some without"):
        critical_value([0.1, 0.2], [True, True])
    with pytest.raises(PhasescopeError, match="at least 3 runs with a time"):
        fit_power_law([0.1, 1.0, 2.0], [100, Censored(500), Censored(500)])
