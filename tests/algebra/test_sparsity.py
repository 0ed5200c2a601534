"""Sparsity numbers against their other definitions and against values on paper."""

import numpy as np
import pytest

from phasescope.algebra.sparsity import effective_rank, gini
from phasescope.errors import PhasescopeError


def test_gini_is_half_the_mean_difference_over_the_mean():
    values = np.random.default_rng(0).exponential(size=40)
    differences = np.abs(values[:, None] - values[None, :])
    assert gini(values) == pytest.approx(differences.mean() / (2 * values.mean()), rel=1e-12)


def test_gini_of_one_owner_among_n_is_one_minus_one_over_n():
    values = np.zeros(8)
    values[3] = 2.5
    assert gini(values) == pytest.approx(1 - 1 / 8, rel=1e-15)
    assert gini(np.zeros(8)) == 0.0


def test_gini_ignores_scale_and_order():
    values = np.random.default_rng(1).exponential(size=17)
    assert gini(7.0 * values[::-1].copy()) == pytest.approx(gini(values), rel=1e-12)


def test_effective_rank_of_equal_values_is_their_number():
    assert effective_rank(np.array([3.0, 0.0, 3.0, 3.0])) == pytest.approx(3.0, rel=1e-14)


@pytest.mark.parametrize("values", [np.array([]), np.array([1.0, -0.1])])
def test_negative_or_missing_values_are_refused(values):
    with pytest.raises(PhasescopeError):
        gini(values)
    with pytest.raises(PhasescopeError):
        effective_rank(values)
