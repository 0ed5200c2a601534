"""Measures by irrep: equal to the cyclic ones on C_n, to the definitions term by term, and on paper."""

import math

import numpy as np
import pytest
import torch

from phasescope.algebra.fourier import rows_of
from phasescope.algebra.irreps import irreps
from phasescope.algebra.named_groups import group
from phasescope.algebra.representations import homomorphism_error
from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.measures.irrep_neurons import matrices_read_out
from phasescope.measures.measure import left_out, measure
from phasescope.models.build import build_model, model_from_parameters
from phasescope.models.config import EmbeddingMLPConfig, shape_for
from phasescope.models.handmade import clock_transformer, lookup_network
from phasescope.models.handmade_groups import representation_network
from phasescope.tasks.config import GroupTask, ModularTask, TableTask
from phasescope.tasks.split import parse_split


def context_of(task, model=None, split="chughtai2023:0:0.4", **options):
    if model is None:
        config = EmbeddingMLPConfig(d_embed=16, d_hidden=24)
        model = build_model(config, shape_for(config, task.n_elements, task.d_vocab, task.n_ctx), 0)
    return Context(model, task, parse_split(split).split(task), **options)


def random_on(name):
    return context_of(GroupTask(group=name, layout="a b").build())


@pytest.mark.parametrize("p", [7, 8])
def test_on_a_cyclic_group_they_are_the_cyclic_measures(p):
    task = ModularTask(p=p).build()
    config = clock_transformer(p, [2]).config
    random = build_model(config, shape_for(config, p, p + 1, 3), 3)
    for model in (clock_transformer(p, [1, 3]), random):
        context = context_of(task, model)
        ours = measure(context, "irrep_logit_coefficients")["irrep_logit_coefficients"]
        theirs = measure(context, "logit_cosine_coefficients")["logit_cosine_coefficients"]
        for k, value in theirs.items():
            assert ours[f"k={k}"] == pytest.approx(value, abs=1e-9)
        norms = measure(context, "fourier_norm_W_E")["fourier_norm_W_E"]
        whole = float(context.W_E.square().sum())
        shares = measure(context, "irrep_share_left")["irrep_share_left"]
        for k, norm in norms.items():
            assert shares[f"k={k}"] == pytest.approx(norm**2 / whole, abs=1e-12)


def test_a_clocks_key_irreps_are_its_key_frequencies():
    context = context_of(ModularTask(p=13).build(), clock_transformer(13, [2, 5]))
    assert measure(context, "key_irreps")["key_irreps"] == ["k=2", "k=5"]
    assert measure(context, "key_frequencies_logit_cosine")["key_frequencies_logit_cosine"] == [2, 5]


@pytest.mark.parametrize("name", ["S4", "C6", "D5", "A4"])
def test_similarity_is_the_cosine_of_the_whole_cube(name):
    context, g = random_on(name), group(name)
    logits = context.logits - context.logits.mean()
    quotients = g.table[g.table][:, :, g.inverse].reshape(-1, g.order)
    found = measure(context, "irrep_logit_similarity")["irrep_logit_similarity"]
    for rho in irreps(g)[1:]:
        cube = torch.tensor(rho.character[quotients])
        expected = float((logits * cube).sum() / logits.norm() / cube.norm())
        assert found[rho.name] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["S4", "C6", "D5"])
def test_neurons_and_losses_by_least_squares_on_matrix_elements(name):
    # the published way: an orthonormal basis of rho(ab) over all pairs, and a projection on it
    context, g = random_on(name), group(name)
    context = context_of(context.task, context.model, key_irreps=[rho.name for rho in irreps(g)[1:3]])
    neurons, inputs = context.neurons.numpy(), context.inputs
    a, b = context.task.pairs.T

    def onto(elements, values):
        u, s, _ = np.linalg.svd(elements, full_matrices=False)
        u = u[:, s > 1e-9]
        return u @ (u.T @ values)

    found = measure(context)
    centred = neurons - neurons.mean(0)
    variance = (centred**2).sum()
    both, kept = 0.0, np.zeros_like(neurons)
    for rho in irreps(g)[1:]:
        flat = rho.matrices.reshape(g.order, -1)
        part = onto(flat[g.table[a, b]], neurons)
        assert found["irrep_share_neurons"][rho.name] == pytest.approx((part**2).sum() / variance, abs=1e-10)
        loss = torch.nn.functional.cross_entropy(
            (context.neurons - torch.tensor(part))[inputs.train] @ context.W_L.T, inputs.answers[inputs.train]
        )
        assert found["irrep_excluded_loss"][rho.name] == pytest.approx(float(loss), rel=1e-9)
        elements = flat[g.table[a, b]]
        read = onto(centred, elements)
        expected = (read**2).sum() / (elements**2).sum()
        assert found["irrep_readout"][rho.name] == pytest.approx(expected, abs=1e-8)
        if rho.name in context.key_irreps:
            kept += part
            both += sum((onto(flat[x], neurons) ** 2).sum() for x in (a, b, g.table[a, b])) / variance
    assert found["irrep_variance_explained_neurons"] == pytest.approx(both, abs=1e-10)
    restricted = torch.nn.functional.cross_entropy(torch.tensor(kept) @ context.W_L.T, inputs.answers)
    assert found["irrep_restricted_loss"] == pytest.approx(float(restricted), rel=1e-9)
    left = (context.neurons - torch.tensor(kept)) @ context.W_L.T
    excluded = torch.nn.functional.cross_entropy(left[inputs.train], inputs.answers[inputs.train])
    assert found["irrep_excluded_loss_all_keys"] == pytest.approx(float(excluded), rel=1e-9)


def test_a_representation_network_by_hand():
    task = GroupTask(group="S4", layout="a b").build()
    context = context_of(task, representation_network(task.group, ["(3,1)", "(2,2)"]))
    found = measure(context)
    assert found["key_irreps"] == ["(2,2)", "(3,1)"]
    # 4 A³ d on each character: squared shares 2² and 3²
    assert found["irrep_logit_similarity"]["(3,1)"] == pytest.approx(3 / math.sqrt(13), abs=1e-12)
    assert found["irrep_logits_explained"] == pytest.approx(1, abs=1e-12)
    assert found["irrep_variance_explained_left"] == pytest.approx(1, abs=1e-12)
    assert found["irrep_variance_explained_unembedding"] == pytest.approx(1, abs=1e-12)
    assert found["irrep_readout"]["(3,1)"] == pytest.approx(1, abs=1e-9)
    assert found["irrep_excluded_loss_all_keys"] == pytest.approx(math.log(24), abs=1e-9)
    matrices = matrices_read_out(context, "(3,1)").numpy()
    assert homomorphism_error(task.group, matrices) < 1e-9


def test_a_lookup_table_has_a_little_of_everything():
    task = GroupTask(group="S4", layout="a b").build()
    shares = measure(context_of(task, lookup_network(task)), "irrep_share_unembedding")
    # one neuron for each pair, its answer's indicator: each irrep has d² of |G| functions
    expected = {rho.name: rho.dimension**2 / 24 for rho in irreps(task.group)[1:]}
    assert shares["irrep_share_unembedding"] == pytest.approx(expected)


def test_relabelling_by_an_automorphism_permutes_irreps_of_a_cyclic_group():
    p, unit = 11, 3
    task = ModularTask(p=p, layout="a b").build()
    context = random_on(f"C{p}")
    before = measure(context, "irrep_logit_coefficients")["irrep_logit_coefficients"]
    order = torch.arange(p) * unit % p
    weights = context.model.state_dict()
    moved = {"W_x": weights["W_x"][order], "W_y": weights["W_y"][order], "W_U": weights["W_U"][:, order]}
    model = model_from_parameters(context.model.config, context.model.shape, weights | moved)
    after = measure(context_of(task, model), "irrep_logit_coefficients")["irrep_logit_coefficients"]
    for k in range(1, p // 2 + 1):
        image = min(k * unit % p, -k * unit % p)
        assert before[f"k={k}"] == pytest.approx(after[f"k={image}"], abs=1e-9)


def test_a_table_that_is_a_group_is_measured_as_one():
    table = tuple(tuple(row) for row in group("S3").table.tolist())
    task = TableTask(table=table, layout="a b").build()
    named = random_on("S3")
    ours = measure(context_of(task, named.model), "irrep_logit_coefficients")["irrep_logit_coefficients"]
    theirs = measure(named, "irrep_logit_coefficients")["irrep_logit_coefficients"]
    assert sorted(ours.values()) == pytest.approx(sorted(theirs.values()))


def test_what_is_no_product_is_left_out():
    context = context_of(GroupTask(group="S3", word="aba", layout="a b").build())
    assert "a task that multiplies all pairs" in left_out(context, "key_irreps")["key_irreps"]
    assert context_of(TableTask(table=((0, 1), (1, 1)), layout="a b").build()).inputs.group is None


def test_an_unknown_irrep_is_refused():
    with pytest.raises(PhasescopeError, match=r"there is no irrep '\(9\)'"):
        context_of(GroupTask(group="S3", layout="a b").build(), key_irreps=["(9)"])
    with pytest.raises(PhasescopeError, match="key irreps need a task that multiplies"):
        context_of(ModularTask(operation="a*b", p=5, layout="a b").build(), key_irreps=["sign"])


def test_rows_of_c8_are_all_there():
    names = [rho.name for rho in irreps(group("C8"))[1:]]
    assert sorted(names) == [f"k={k}" for k in range(1, 5)]
    assert len(rows_of(8, 4)) == 1
