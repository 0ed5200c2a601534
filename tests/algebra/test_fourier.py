"""Laws of the Fourier basis, against numpy's own transform and against the definition on pairs."""

import numpy as np
import pytest

from phasescope.algebra.fourier import fourier_basis, frequencies, rows_of, sum_directions
from phasescope.errors import PhasescopeError

MODULI = [2, 3, 4, 5, 6, 7, 8, 53, 59, 96, 97, 113, 120]


@pytest.mark.parametrize("p", MODULI)
def test_basis_is_orthonormal_and_complete(p):
    basis = fourier_basis(p)
    assert basis.shape == (p, p)
    assert np.abs(basis @ basis.T - np.eye(p)).max() < 1e-13


@pytest.mark.parametrize("p", MODULI)
def test_rows_of_all_frequencies_are_all_rows_but_the_constant(p):
    owned = [row for k in frequencies(p) for row in rows_of(p, k)]
    assert owned == list(range(1, p))


@pytest.mark.parametrize("p", MODULI)
def test_energy_per_frequency_is_that_of_numpys_fft(p):
    signal = np.random.default_rng(p).normal(size=p)
    spectrum = np.abs(np.fft.rfft(signal)) ** 2 / p
    coefficients = fourier_basis(p) @ signal
    for k in frequencies(p):
        energy = sum(coefficients[row] ** 2 for row in rows_of(p, k))
        twice = 1 if 2 * k == p else 2
        assert energy == pytest.approx(twice * spectrum[k], rel=1e-10)


def test_last_frequency_of_an_even_modulus_alternates():
    assert np.allclose(fourier_basis(8)[7], np.array([1, -1] * 4) / np.sqrt(8), atol=1e-15)


@pytest.mark.parametrize("p", [3, 7, 8, 12, 53])
def test_sum_directions_are_the_tensor_formula(p):
    basis = fourier_basis(p)
    for k in frequencies(p):
        directions = sum_directions(p, k)
        if 2 * k == p:
            literal = np.kron(basis[p - 1], basis[p - 1])[None]
        else:
            cos, sin = basis[2 * k - 1], basis[2 * k]
            literal = np.stack([np.kron(cos, cos) - np.kron(sin, sin), np.kron(sin, cos) + np.kron(cos, sin)])
            literal /= np.sqrt(2)
        assert np.abs(directions - literal).max() < 1e-13


def test_sum_directions_depend_on_the_sum_alone_and_are_orthogonal_across_frequencies():
    p = 11
    stacked = np.concatenate([sum_directions(p, k) for k in frequencies(p)])
    assert np.abs(stacked @ stacked.T - np.eye(p - 1)).max() < 1e-13
    table = stacked.reshape(-1, p, p)
    assert np.abs(table[:, 3, 4] - table[:, 9, 9]).max() < 1e-15


@pytest.mark.parametrize(("p", "k"), [(7, 0), (7, 4), (8, 5), (113, 57)])
def test_a_number_that_is_no_frequency_is_refused_in_one_line(p, k):
    with pytest.raises(PhasescopeError, match=rf"lies in 1..{p // 2}; got {k}"):
        rows_of(p, k)


def test_a_modulus_below_two_is_refused():
    with pytest.raises(PhasescopeError, match="at least 2; got p=1"):
        fourier_basis(1)
