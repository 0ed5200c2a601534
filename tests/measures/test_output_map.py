"""Maps of the output layer: cosets that a network is made of are found in it, and no others."""

import numpy as np
import pytest

from phasescope.algebra.cosets import cosets
from phasescope.algebra.irreps import irreps
from phasescope.algebra.named_groups import group
from phasescope.algebra.subgroups import generated
from phasescope.errors import PhasescopeError
from phasescope.evidence.relabelling import neighbour_purity
from phasescope.measures.context import Context
from phasescope.measures.output_map import FOUR_POINTS, POWER2022, coset_match, output_map, step_match
from phasescope.models.build import build_model
from phasescope.models.config import EmbeddingMLPConfig, shape_for
from phasescope.models.handmade import clock_transformer
from phasescope.models.handmade_groups import coset_network
from phasescope.tasks.config import GroupTask, ModularTask
from phasescope.tasks.split import parse_split

S5 = group("S5")
TEN = generated(S5, POWER2022)


@pytest.mark.parametrize(
    ("generators", "four", "five"), [(POWER2022, -4 / 9, 5 / 9), (FOUR_POINTS, 8 / 11, -5 / 11)]
)
def test_which_irreps_the_cosets_of_either_subgroup_can_show(generators, four, five):
    others = list(generated(S5, generators).elements)[1:]
    mean = {rho.name: rho.character[others].mean() for rho in irreps(S5)}
    assert [mean[name] for name in ("(4,1)", "(2,1,1,1)")] == pytest.approx([four] * 2)
    assert [mean[name] for name in ("(3,2)", "(2,2,1)")] == pytest.approx([five] * 2)


def context_of(task, model):
    return Context(model, task, parse_split("all").split(task))


def on_s5(model):
    return context_of(GroupTask(group="S5", layout="a b").build(), model)


def test_the_subgroup_of_power2022_has_ten_elements_and_six_conjugates():
    assert (TEN.order, len(TEN.conjugates)) == (10, 6)


def test_cosets_of_a_network_made_of_larger_ones_are_found():
    # the ten lie in a subgroup of twenty, of whose left cosets this network is made
    twenty = generated(S5, ["(0 1 2 3 4)", "(1 2 4 3)"])
    context = on_s5(coset_network(S5, twenty))
    found = coset_match(context, TEN)
    assert found.side == "left"
    assert found.match.p == 0.001
    assert found.match.value > found.match.highest
    assert (found.labels == cosets(found.subgroup, "left")).all()


def test_an_untrained_network_has_no_cosets():
    config = EmbeddingMLPConfig(d_embed=16, d_hidden=32)
    found = coset_match(on_s5(build_model(config, shape_for(config, 120, 120, 2), 0)), TEN)
    assert found.match.p > 0.01
    assert found.match.value < 2 * found.match.chance


def test_the_map_keeps_neighbours_and_is_the_same_for_a_seed():
    task = ModularTask(p=31).build()
    context = context_of(task, clock_transformer(31, [4]))
    points = output_map(context)
    assert points.shape == (31, 2)
    np.testing.assert_array_equal(points, output_map(context))
    # on one circle of frequency 4, adding 8 is a turn by 32/31: a small move
    assert neighbour_purity(points, np.arange(31) % 8) > 0.5


def test_lines_are_found_where_their_step_is_small_only():
    task = ModularTask(p=97).build()
    context = context_of(task, clock_transformer(97, [12]))
    assert step_match(context, 8).value > 0.6
    assert step_match(context, 7).value < 0.4


def test_what_has_no_map_is_refused():
    with pytest.raises(PhasescopeError, match="at least 8 answers"):
        output_map(context_of(ModularTask(p=5).build(), clock_transformer(5, [1])))
    with pytest.raises(PhasescopeError, match="lines of residues need a task on Z_p"):
        step_match(on_s5(coset_network(S5, generated(S5, ["(0 1)", "(0 1 2 3)"]))))
    with pytest.raises(PhasescopeError, match="cosets in S5 need a network that multiplies there"):
        coset_match(context_of(ModularTask(p=5).build(), clock_transformer(5, [1])), TEN)
