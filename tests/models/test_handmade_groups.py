"""Networks written by hand that multiply in a group: their answers and logits, worked out on paper."""

import numpy as np
import pytest
import torch

from phasescope.algebra.irreps import irreps
from phasescope.algebra.named_groups import group
from phasescope.algebra.subgroups import generated, subgroup_classes
from phasescope.errors import PhasescopeError
from phasescope.models.handmade_groups import coset_network, representation_network
from phasescope.tasks.config import GroupTask


def logits_of(network, name):
    tokens = torch.tensor(GroupTask(group=name, layout="a b").build().tokens)
    return network.answer_logits(tokens).detach().numpy()


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("S4", ["(3,1)"]),
        ("D7", ["k=2"]),
        ("A5", ["(3,1,1)+", "(4,1)"]),
        ("C11", ["k=3", "k=5"]),
        ("S3xC2", ["(2,1)*k=1"]),
    ],
)
def test_the_logits_of_a_representation_network_are_its_characters(name, names):
    g = group(name)
    quotients = g.table[g.table][:, :, g.inverse].reshape(-1, g.order)  # (a*b)*c⁻¹
    expected = sum(
        4 * 2.0**3 * rho.dimension * rho.character[quotients] for rho in irreps(g) if rho.name in names
    )
    found = logits_of(representation_network(g, names), name)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert (found.argmax(1) == g.table.ravel()).all()


@pytest.mark.parametrize("name", ["S4", "S5", "D5", "A5"])
def test_a_coset_network_counts_conjugates_and_answers_every_pair(name):
    g = group(name)
    # the largest subgroup without a core: a point's stabiliser, or a flip
    subgroup = max((h for h in subgroup_classes(g) if len(h.core) == 1), key=lambda h: h.order)
    network = coset_network(g, subgroup, amplitude=3.0)
    logits = logits_of(network, name)
    quotient = g.table[g.inverse[g.table.ravel()]]  # (a*b)⁻¹ * c
    count = sum(np.isin(quotient, other.elements) for other in subgroup.conjugates)
    np.testing.assert_allclose(logits, 3.0 * count, atol=1e-12)
    assert (logits.argmax(1) == g.table.ravel()).all()
    assert network.W_L.shape[1] == len(subgroup.conjugates) * (g.order // subgroup.order) ** 2


def test_what_cannot_answer_is_refused():
    s4 = group("S4")
    with pytest.raises(PhasescopeError, match="share 4 elements"):
        coset_network(s4, generated(s4, ["(0 1)(2 3)", "(0 2)(1 3)"]))
    with pytest.raises(PhasescopeError, match=r"there is no irrep '\(4,1\)'"):
        representation_network(s4, ["(4,1)"])
    with pytest.raises(PhasescopeError, match="at least one irrep"):
        representation_network(s4, [])
