"""The interval over seeds: hand-computed, against scipy, and its coverage by simulation."""

import numpy as np
import pytest
from scipy.stats import t as scipy_t

from phasescope.errors import PhasescopeError
from phasescope.evidence.interval import student_interval, student_quantile
from phasescope.evidence.survival import Censored


@pytest.mark.parametrize("freedom", [*range(1, 13), 29, 30, 199, 200])
@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95, 0.999])
def test_quantile_is_scipys(freedom: int, coverage: float) -> None:
    assert student_quantile(freedom, coverage) == pytest.approx(
        scipy_t.ppf((1 + coverage) / 2, freedom), rel=1e-9
    )


def test_three_values_by_hand() -> None:
    found = student_interval([9.0, 10.0, 11.0])
    assert found.centre == 10.0
    assert found.high - 10 == pytest.approx(4.302652729911275 / np.sqrt(3), rel=1e-9)
    assert found.centre - found.low == pytest.approx(found.high - found.centre)
    assert found.n == 3


def test_log_scale_is_the_linear_one_of_the_logarithms() -> None:
    losses = [1e-7, 2e-7, 8e-7]
    found, logs = student_interval(losses, "log"), student_interval(list(np.log(losses)))
    np.testing.assert_allclose(
        [found.centre, found.low, found.high], np.exp([logs.centre, logs.low, logs.high])
    )


def test_scaling_the_values_scales_the_interval() -> None:
    values = [3.0, 5.0, 4.0, 9.0]
    for scale in ("linear", "log"):
        one, ten = student_interval(values, scale), student_interval([10 * v for v in values], scale)
        np.testing.assert_allclose(
            [ten.centre, ten.low, ten.high], np.multiply(10, [one.centre, one.low, one.high])
        )


def test_two_seeds_far_apart_still_give_numbers() -> None:
    found = student_interval([1e-300, 1e300], "log")
    assert np.isfinite([found.centre, found.low, found.high]).all()


def _coverage(draw, truth: float, n: int, scale: str, trials: int = 3000) -> float:
    rng = np.random.default_rng(n)
    intervals = [student_interval(draw(rng, n).tolist(), scale) for _ in range(trials)]
    return float(np.mean([one.low <= truth <= one.high for one in intervals]))


@pytest.mark.parametrize("n", [3, 5, 10])
def test_coverage_is_as_the_docstring_says(n: int) -> None:
    # three standard errors of a share near .9 in 3,000 trials are .016
    normal = _coverage(lambda rng, n: rng.normal(7.0, 2.0, n), 7.0, n, "linear")
    skewed_on_logs = _coverage(lambda rng, n: np.exp(rng.normal(0.0, 1.0, n)), 1.0, n, "log")
    skewed = _coverage(lambda rng, n: np.exp(rng.normal(0.0, 1.0, n)), np.exp(0.5), n, "linear")
    exponential = _coverage(lambda rng, n: rng.exponential(1.0, n), 1.0, n, "linear")
    assert normal == pytest.approx(0.95, abs=0.016)
    assert skewed_on_logs == pytest.approx(0.95, abs=0.016)
    assert skewed == pytest.approx({3: 0.84, 5: 0.82, 10: 0.84}[n], abs=0.025)
    assert exponential == pytest.approx({3: 0.88, 5: 0.88, 10: 0.90}[n], abs=0.025)


def test_a_mean_over_censored_runs_is_refused_in_one_line() -> None:
    with pytest.raises(PhasescopeError, match="2 of 4 runs ended before the event") as refused:
        student_interval([9_000, 10_000, Censored(40_000), Censored(40_000)])
    assert "kaplan_meier" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) <= 300


@pytest.mark.parametrize(
    ("values", "scale"),
    [([1.0], "linear"), ([], "linear"), ([1.0, float("nan")], "linear"), ([1.0, 0.0], "log")],
)
def test_values_that_have_no_interval_are_refused(values: list[float], scale: str) -> None:
    with pytest.raises(PhasescopeError):
        student_interval(values, scale)
