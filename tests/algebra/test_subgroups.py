"""Subgroups against known counts, cosets against their definition, concentration against worked cases."""

import numpy as np
import pytest
import sympy.combinatorics as sc

from phasescope.algebra.cosets import coset_concentration, cosets, double_cosets
from phasescope.algebra.named_groups import group
from phasescope.algebra.subgroups import Subgroup, all_subgroups, generated, subgroup_classes
from phasescope.errors import PhasescopeError

# classes and subgroups: GAP's ConjugacyClassesSubgroups; C_n has one for each divisor, D_n sigma(n) + tau(n)
COUNTS = {
    "C12": (6, 6),
    "C113": (2, 2),
    "D4": (8, 10),
    "D59": (4, 62),
    "S3": (4, 6),
    "S4": (11, 30),
    "S5": (19, 156),
    "A5": (9, 59),
    "S3xC2": (10, 16),
}


@pytest.mark.parametrize("name", COUNTS)
def test_all_subgroups_are_found_once_and_are_subgroups(name):
    g = group(name)
    classes, found = subgroup_classes(g), all_subgroups(g)
    assert (len(classes), len(found)) == COUNTS[name]
    assert len({h.elements for h in found}) == len(found)
    for h in found:
        members = list(h.elements)
        assert np.isin(g.table[np.ix_(members, members)], members).all()
        assert g.order % h.order == 0


def test_subgroups_of_s4_by_brute_force_over_pairs_of_generators():
    g = group("S4")  # every subgroup of S4 has two generators
    pairs = {generated(g, [a, b]).elements for a in range(24) for b in range(24)}
    assert pairs == {h.elements for h in all_subgroups(g)}


def test_orders_of_generated_subgroups_are_sympys():
    g = group("S5")
    for a, b in [("(0 3)(1 4)", "(1 2)(3 4)"), ("(0 1)", "(0 1 2 3 4)"), ("(0 1 2)", "(3 4)")]:
        permutations = [sc.Permutation([list(map(int, c.split())) for c in x[1:-1].split(")(")], size=5)
                        for x in (a, b)]  # fmt: skip
        assert generated(g, [a, b]).order == sc.PermutationGroup(permutations).order()


@pytest.mark.parametrize("name", ["S4", "D5", "A4", "C12"])
def test_cosets_are_what_they_say(name):
    g = group(name)
    for h in all_subgroups(g):
        left, right = cosets(h, "left"), cosets(h, "right")
        for x in range(g.order):
            assert set(np.flatnonzero(left == left[x])) == {int(g.table[x, e]) for e in h.elements}
            assert set(np.flatnonzero(right == right[x])) == {int(g.table[e, x]) for e in h.elements}
        assert h.is_normal == (
            len(set(zip(left.tolist(), right.tolist(), strict=True))) == g.order // h.order
        )


def test_double_cosets_are_orbits_and_burnside_counts_them():
    g = group("S4")
    for k in subgroup_classes(g):
        for h in subgroup_classes(g):
            number = double_cosets(k, h)
            x = 7
            orbit = {int(g.table[g.table[a, x], b]) for a in k.elements for b in h.elements}
            assert set(np.flatnonzero(number == number[x])) == orbit
            # the orbits of K x H on G: the mean number of fixed points
            fixed = sum(int(g.table[a, x]) == int(g.table[x, b])
                        for a in k.elements for b in h.elements for x in range(g.order))  # fmt: skip
            assert number.max() + 1 == fixed / (k.order * h.order)


def test_core_of_a_point_stabiliser_is_trivial():
    g = group("S4")
    stabiliser = generated(g, ["(0 1)", "(1 2)"])
    assert (stabiliser.order, len(stabiliser.conjugates), stabiliser.core) == (6, 4, (0,))


def test_an_unknown_element_is_refused():
    with pytest.raises(PhasescopeError, match=r"S3 has the elements 0 to 5, or their labels; got '\(0 9\)'"):
        generated(group("S3"), ["(0 9)"])


def proper_partitions(name: str) -> list[np.ndarray]:
    g = group(name)
    return [cosets(h, side) for h in all_subgroups(g) if 1 < h.order < g.order for side in ("left", "right")]


def test_a_function_of_the_coset_is_concentrated_whichever_form():
    h = Subgroup(group("S4"), generated(group("S4"), ["(0 1)", "(1 2)"]).elements)
    f = np.random.default_rng(0).normal(size=4)[cosets(h, "right")][:, None]
    for form in ("sum", "mean"):
        found = coset_concentration(f, proper_partitions("S4"), form)
        assert found[0] < 1e-20


def test_noise_has_the_number_of_cosets_in_the_published_form_and_one_in_ours():
    h = generated(group("S5"), ["(0 1)", "(0 1 2)"])  # twenty cosets
    noise = np.random.default_rng(0).normal(size=(120, 2_000))
    assert coset_concentration(noise, [cosets(h)], "sum").mean() == pytest.approx(20, rel=0.02)
    assert coset_concentration(noise, [cosets(h)], "mean").mean() == pytest.approx(1, rel=0.02)


def test_the_published_form_by_its_own_words():
    # per coset the sample variance, added up, over the sample variance of all
    f = np.random.default_rng(3).normal(size=(24, 2))
    partitions = proper_partitions("S4")
    expected = [
        min(
            sum(f[number == c, i].var(ddof=1) for c in set(number.tolist())) for number in partitions
        ) / f[:, i].var(ddof=1)
        for i in range(2)
    ]  # fmt: skip
    np.testing.assert_allclose(coset_concentration(f, partitions, "sum"), expected, rtol=1e-12)


def test_a_constant_function_has_the_ratio_one():
    assert coset_concentration(np.ones((24, 1)), proper_partitions("S4"))[0] == 1


def test_too_many_subgroups_are_refused():
    with pytest.raises(PhasescopeError, match="at most 20; S4 has more"):
        all_subgroups(group("S4"), most=20)
    assert len(all_subgroups(group("S4"), most=30)) == 30
