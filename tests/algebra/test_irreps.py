"""Laws of representations, on every family of groups; characters against sympy and Burnside's method."""

import itertools

import numpy as np
import pytest
import sympy

from phasescope.algebra.characters import characters
from phasescope.algebra.fourier import fourier_basis, rows_of
from phasescope.algebra.group_fourier import (
    group_transform,
    inverse_group_transform,
    isotypic_projection,
    power,
)
from phasescope.algebra.groups import Group, from_table
from phasescope.algebra.irreps import irreps
from phasescope.algebra.named_groups import group
from phasescope.algebra.representations import homomorphism_error, regular, split
from phasescope.algebra.young import conjugate, partitions, standard_tableaux
from phasescope.errors import PhasescopeError

NAMED = [
    *("C1", "C2", "C7", "C8", "C113", "D1", "D2", "D3", "D4", "D59"),
    *("S1", "S2", "S3", "S4", "S5", "A1", "A3", "A4", "A5"),
    *("S3xC2", "C3xC3", "C3xC5xC7", "D4xS3"),
]


def quaternions() -> Group:
    """Q8, whose irreps include one that is quaternionic: 1, -1, i, -i, j, -j, k, -k."""
    units = [np.eye(4)]
    i = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]], dtype=float)
    j = np.array([[0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]], dtype=float)
    units = [sign * unit for unit in (np.eye(4), i, j, i @ j) for sign in (1, -1)]
    table = [[next(n for n, u in enumerate(units) if (u == a @ b).all()) for b in units] for a in units]
    return from_table(table, name="Q8")


GROUPS = {name: group(name) for name in NAMED} | {
    "Q8": quaternions(),
    "S4 by its table": from_table(group("S4").table),
    "C15 by its table": from_table(group("C15").table),
}


@pytest.mark.parametrize("name", GROUPS)
def test_each_is_an_orthogonal_homomorphism_on_all_pairs(name):
    g = GROUPS[name]
    for rho in irreps(g):
        assert homomorphism_error(g, rho.matrices) < 1e-13
        gram = rho.matrices @ rho.matrices.transpose(0, 2, 1)
        assert np.abs(gram - np.eye(rho.dimension)).max() < 1e-13


@pytest.mark.parametrize("name", GROUPS)
def test_characters_are_orthogonal_and_dimensions_add_up(name):
    g, found = GROUPS[name], irreps(GROUPS[name])
    table = np.stack([rho.character for rho in found])
    gram = table @ table.T / g.order
    np.testing.assert_allclose(gram, np.diag([rho.indicator_dimension for rho in found]), atol=1e-10)
    assert sum(rho.n_functions for rho in found) == g.order
    assert found[0].is_trivial
    assert len({rho.name for rho in found}) == len(found)


@pytest.mark.parametrize("name", [n for n in GROUPS if n != "C3xC5xC7"])
def test_real_characters_are_those_of_burnsides_method(name):
    # a real irrep is a real complex one, twice a quaternionic one, or a complex one with its conjugate
    complex_ones = characters(GROUPS[name])
    values = complex_ones.table[:, complex_ones.classes]
    expected = {
        tuple(np.round(v.real * (1 if i == 1 else 2), 6) + 0.0)
        for v, i in zip(values, complex_ones.indicators, strict=True)
    }
    assert {tuple(np.round(rho.character, 6) + 0.0) for rho in irreps(GROUPS[name])} == expected


@pytest.mark.parametrize("n", [3, 4, 5])
def test_characters_of_permutations_are_frobenius_coefficients_by_sympy(n):
    # chi_lambda(mu) is the coefficient of x^(lambda + delta) in the Vandermonde product times p_mu(x)
    g = group(f"S{n}")
    x = sympy.symbols(f"x0:{n}")
    vandermonde = sympy.prod(sympy.Poly(a - b, *x) for a, b in itertools.combinations(x, 2))
    found = {rho.name: rho.character for rho in irreps(g)}
    for cycle_type in partitions(n):
        points = np.split(np.arange(n), np.cumsum(cycle_type)[:-1])
        cycles = sympy.combinatorics.Permutation([c.tolist() for c in points if len(c) > 1], size=n)
        labels = {label: place for place, label in enumerate(g.labels)}
        element = labels["".join(f"({' '.join(map(str, c))})" for c in cycles.cyclic_form) or "()"]
        powers = sympy.prod(sympy.Poly(sum(v**part for v in x), *x) for part in cycle_type)
        product = vandermonde * powers
        for shape in partitions(n):
            exponents = [row + n - 1 - i for i, row in enumerate((*shape, *[0] * (n - len(shape))))]
            name = {(n,): "trivial", (1,) * n: "sign"}.get(shape, f"({','.join(map(str, shape))})")
            assert found[name][element] == pytest.approx(int(product.nth(*exponents)), abs=1e-10)


def test_the_number_of_tableaux_is_the_dimension_and_squares_add_up():
    for n in range(1, 7):
        sizes = [len(standard_tableaux(shape)) for shape in partitions(n)]
        assert sum(d * d for d in sizes) == [1, 2, 6, 24, 120, 720][n - 1]
        assert sorted(map(conjugate, partitions(n))) == sorted(partitions(n))


@pytest.mark.parametrize("name", GROUPS)
def test_transform_and_inverse_and_plancherel(name):
    g, found = GROUPS[name], irreps(GROUPS[name])
    f = np.random.default_rng(1).normal(size=(g.order, 3))
    there = group_transform(f, found)
    np.testing.assert_allclose(inverse_group_transform(there, found), f, atol=1e-12)
    powers = power(f, found)
    np.testing.assert_allclose(sum(powers.values()), (f**2).sum(0), rtol=1e-12)
    for rho in found:  # one irrep alone is the projection on its matrix elements
        component = inverse_group_transform({rho.name: there[rho.name]}, found)
        np.testing.assert_allclose(component, isotypic_projection(g, rho) @ f, atol=1e-12)
        np.testing.assert_allclose((component**2).sum(0), powers[rho.name], atol=1e-11)


@pytest.mark.parametrize("n", [7, 8, 113])
def test_on_a_cyclic_group_the_projections_are_the_fourier_rows(n):
    g, basis = group(f"C{n}"), fourier_basis(n)
    for rho in irreps(g)[1:]:
        rows = basis[list(rows_of(n, int(rho.name.removeprefix("k="))))]
        np.testing.assert_allclose(isotypic_projection(g, rho), rows.T @ rows, atol=1e-12)


def test_projections_are_spanned_by_matrix_elements_and_commute_with_relabelling():
    g = group("S4")
    for rho in irreps(g):
        elements = np.linalg.qr(rho.matrices.reshape(g.order, -1))[0]
        np.testing.assert_allclose(elements @ elements.T, isotypic_projection(g, rho), atol=1e-12)


def test_a_wrong_matrix_is_no_homomorphism():
    g = group("S4")
    rho = irreps(g)[3].matrices.copy()
    rho[5] *= -1
    assert homomorphism_error(g, rho) > 0.5


def test_the_regular_representation_has_every_irrep_as_often_as_its_dimension():
    sizes = sorted(part.shape[1] for part in split(regular(group("S4"))))
    assert sizes == [1, 1, 2, 2, 3, 3, 3, 3, 3, 3]


def test_a_table_that_only_bears_a_name_gets_its_own_irreps():
    impostor = from_table(group("C6").table, name="S3")
    assert sorted(rho.dimension for rho in irreps(impostor)) == [1, 1, 2, 2]


def test_a_large_group_without_a_formula_is_refused():
    with pytest.raises(PhasescopeError, match="at most 256 elements; nameless has 360"):
        irreps(from_table(group("A6").table, name="nameless"))
