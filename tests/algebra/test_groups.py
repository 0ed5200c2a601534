"""Groups: the axioms are checked, the named families are what their names say."""

import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasescope.algebra.groups import LARGEST_ORDER, Group, from_table
from phasescope.algebra.named_groups import alternating, cyclic, dihedral, group, product, symmetric
from phasescope.errors import PhasescopeError

NAMED = [
    "C1",
    "C2",
    "C6",
    "C97",
    "D1",
    "D2",
    "D5",
    "D6",
    "S1",
    "S2",
    "S3",
    "S4",
    "A1",
    "A2",
    "A4",
    "A5",
    "S3xC2",
    "D3xC2xC2",
]


@pytest.mark.parametrize("name", NAMED)
def test_every_named_group_obeys_the_axioms_on_all_triples(name: str) -> None:
    g = group(name)
    t, e = g.table, g.identity
    elements = np.arange(g.order)
    assert (t[t] == t[:, t]).all()  # (x*y)*z at [x, y, z] on both sides: all triples, not only generators
    assert (t[e] == elements).all()
    assert (t[:, e] == elements).all()
    assert (t[elements, g.inverse] == e).all()
    assert (t[g.inverse, elements] == e).all()


@pytest.mark.parametrize(
    ("name", "order", "abelian"),
    [
        ("C113", 113, True),
        ("C118", 118, True),
        ("D59", 118, False),
        ("D61", 122, False),
        ("S5", 120, False),
        ("S6", 720, False),
        ("A5", 60, False),
        ("A3", 3, True),
        ("D2", 4, True),
        ("S3xC2", 12, False),
        ("C2xC3", 6, True),
    ],
)
def test_orders_and_commutativity(name: str, order: int, abelian: bool) -> None:
    g = group(name)
    assert (g.name, g.order, g.is_abelian) == (name, order, abelian)


def test_the_product_of_permutations_applies_the_right_factor_first() -> None:
    g = symmetric(4)
    permutations = list(itertools.permutations(range(4)))  # lexicographic
    for i, j in itertools.product(range(24), repeat=2):
        composed = tuple(permutations[i][permutations[j][x]] for x in range(4))
        assert permutations[g.table[i, j]] == composed


def test_cycle_labels_by_hand() -> None:
    g = symmetric(5)
    permutations = list(itertools.permutations(range(5)))
    assert g.labels[0] == "()"
    assert g.labels[permutations.index((3, 4, 2, 0, 1))] == "(0 3)(1 4)"  # a generator in power2022's figure
    assert g.labels[permutations.index((1, 2, 3, 4, 0))] == "(0 1 2 3 4)"
    assert len(set(g.labels)) == 120


def test_element_orders_of_s5_are_those_of_its_cycle_types() -> None:
    g = symmetric(5)
    orders = [g.order_of_element(x) for x in range(g.order)]
    # 10 transpositions and 15 double ones; 20 three-cycles; 30 four-cycles; 24 five-cycles; 20 of type 3+2
    assert {n: orders.count(n) for n in set(orders)} == {1: 1, 2: 25, 3: 20, 4: 30, 5: 24, 6: 20}


def test_alternating_is_the_half_of_symmetric_with_the_same_products() -> None:
    whole, half = symmetric(5), alternating(5)
    inside = np.array([whole.labels.index(label) for label in half.labels])
    assert (np.diff(inside) > 0).all()
    assert (whole.table[np.ix_(inside, inside)] == inside[half.table]).all()
    # the even permutations are products of three-cycles: no transposition is among them
    assert "(0 1)" not in half.labels
    assert "(0 1 2)" in half.labels


def test_dihedral_relations() -> None:
    g = dihedral(7)
    r, s = g.labels.index("r"), g.labels.index("s")
    assert g.order_of_element(r) == 7
    assert all(g.order_of_element(reflection) == 2 for reflection in range(7, 14))
    assert g.table[g.table[s, r], s] == g.inverse[r]
    assert g.labels[g.table[g.labels.index("r^2"), s]] == "r^2 s"


def test_a_product_multiplies_componentwise() -> None:
    left, right = symmetric(3), cyclic(4)
    g = product(left, right)
    for (i, j), (k, m) in itertools.product(itertools.product(range(6), range(4)), repeat=2):
        assert g.table[i * 4 + j, k * 4 + m] == left.table[i, k] * 4 + right.table[j, m]


def test_c2_times_c3_is_cyclic_and_c2_times_c2_is_not() -> None:
    assert max(group("C2xC3").order_of_element(x) for x in range(6)) == 6
    assert max(group("C2xC2").order_of_element(x) for x in range(4)) == 2


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["C7", "D4", "S3", "A4", "C2xC2"]), st.randoms(use_true_random=False))
def test_a_relabelled_group_is_still_a_group(name: str, random: Random) -> None:
    g = group(name)
    new = list(range(g.order))
    random.shuffle(new)
    relabel = np.array(new)
    table = np.empty_like(g.table)
    table[np.ix_(relabel, relabel)] = relabel[g.table]
    again = from_table(table)
    assert again.identity == relabel[g.identity]
    assert (again.inverse[relabel] == relabel[g.inverse]).all()


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["C7", "D4", "S3", "A4"]), st.data())
def test_one_changed_product_is_always_caught(name: str, data: st.DataObject) -> None:
    g = group(name)
    i, j, by = (data.draw(st.integers(low, g.order - 1)) for low in (0, 0, 1))
    table = g.table.copy()
    table[i, j] = (table[i, j] + by) % g.order
    with pytest.raises(PhasescopeError):
        from_table(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1], [1]], "square"),
        ([0, 1], "square table of whole numbers; got shape (2,)"),
        ([[0.0]], "whole numbers"),
        ([[0, 1, 2], [1, 2, 0]], "square table of 1 to"),
        ([[0, 1], [1, 2]], "products between 0 and 1; got 2 at row 1, column 1"),
        ([[0, -1], [1, 0]], "got -1 at row 0, column 1"),
        ([[0, 0], [1, 1]], "identity"),
        ([[0, 1], [1, 1]], "element 1 has none"),
        # a loop of five elements: identity and inverses, every row a permutation, yet (1*1)*2 != 1*(1*2)
        (
            [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]],
            "associative product; (1*1)*2 differs from 1*(1*2)",
        ),
    ],
)
def test_a_table_that_is_no_group_is_refused_and_the_axiom_named(table: object, message: str) -> None:
    with pytest.raises(PhasescopeError) as refused:
        from_table(table)
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_labels_must_be_as_many_as_elements_and_different() -> None:
    with pytest.raises(PhasescopeError, match="2 different labels"):
        from_table([[0, 1], [1, 0]], labels=["e", "e"])


def test_the_arrays_cannot_be_changed_and_the_callers_stay_their_own() -> None:
    table = np.array([[0, 1], [1, 0]])
    g = Group("C2", table, ("0", "1"))
    table[0, 0] = 1
    assert g.table[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        g.table[0, 0] = 1


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("s5", "S5"), ("Z113", "C113"), ("S_5", "S5"), ("S3 x C2", "S3xC2"), ("S3XC2", "S3xC2"), ("d59", "D59")],
)
def test_a_near_name_is_answered_with_the_right_one(name: str, suggestion: str) -> None:
    with pytest.raises(PhasescopeError, match=f"did you mean {suggestion}\\?"):
        group(name)


@pytest.mark.parametrize(
    "name", ["", "x", "C", "5", "C0", "C-1", "Q8", "S3x", "xC2", "C1.5", "\x1b[31mC2", "C" * 5000]
)
def test_an_unreadable_name_gives_one_short_line(name: str) -> None:
    with pytest.raises(PhasescopeError) as refused:
        group(name)
    message = str(refused.value)
    assert message.startswith("a group reads like")
    assert message.isprintable()
    assert len(message) <= 300


@pytest.mark.parametrize("name", ["C9999", "D1025", "S7", "S999", "A7", "S6xC3"])
def test_a_group_too_large_to_hold_is_refused_at_once(name: str) -> None:
    with pytest.raises(PhasescopeError, match=f"1 to {LARGEST_ORDER} elements"):
        group(name)
