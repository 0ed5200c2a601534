"""Every fast formula against its definition, written out literally over all pairs (and all answers)."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from phasescope.algebra.fourier import fourier_basis, frequencies, rows_of, sum_directions
from phasescope.measures import excluded
from phasescope.measures.measure import measure
from phasescope.models.handmade import random_network

TASKS = ["a+b mod 7", "a+b mod 8", "a+b mod 13", "a-b mod 12", "a+b mod 11, random labels 5"]


def directions(context, k):
    """cos and sin of w_k(a+b) over pairs; for a subtraction, of w_k(a-b)."""
    p = context.p
    along = torch.tensor(sum_directions(p, k)).reshape(-1, p, p)
    if context.task.operation == "a-b":
        along = along[:, :, -torch.arange(p) % p]
    return along.reshape(-1, p * p)


def cube(context, k):
    """The unit cube cos(w_k(a+b-c)), pairs by answers."""
    p = context.p
    a, b = torch.tensor(context.task.pairs).unbind(1)
    sums = a - b if context.task.operation == "a-b" else a + b
    angle = 2 * np.pi * k / p * (sums[:, None] - torch.arange(p)).double()
    return angle.cos() / angle.cos().norm()


def projected(context, ks):
    along = torch.cat([directions(context, k) for k in ks])
    return along.T @ (along @ context.logits)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("keys", [[1], [2, 3]])
def test_restricted_loss(context_of, task, keys):
    context = context_of(task, key_frequencies=keys)
    answers, train = context.inputs.answers, context.inputs.train
    bare = projected(context, context.keys)
    with_mean = bare + (context.logits - bare).mean(0)
    expected = {
        "restricted_loss": cross_entropy(with_mean, answers),
        "restricted_loss_train": cross_entropy(with_mean[train], answers[train]),
        "restricted_loss_no_bias": cross_entropy(bare, answers),
    }
    found = measure(context, expected)
    assert found == {name: pytest.approx(value.item(), rel=1e-10) for name, value in expected.items()}


@pytest.mark.parametrize("task", TASKS)
def test_excluded_loss(context_of, task):
    context = context_of(task, key_frequencies=[1, 3])
    answers, train, logits = context.inputs.answers, context.inputs.train, context.logits

    def loss_without(part):
        return cross_entropy((logits - part)[train], answers[train]).item()

    def fitted(ks):
        along = torch.cat([directions(context, k) for k in ks])
        here = along[:, train].T
        return along.T @ torch.linalg.lstsq(here, logits[train], driver="gelsd").solution

    ks = frequencies(context.p)
    along_cube = {k: (cube(context, k) * logits).sum() * cube(context, k) for k in ks}
    single = {k: loss_without(projected(context, [k])) for k in ks}
    expected = {
        "excluded_loss": single,
        "excluded_loss_all_keys": loss_without(projected(context, [1, 3])),
        "excluded_loss_max": max(single.values()),
        "excluded_loss_train_fit": {k: loss_without(fitted([k])) for k in ks},
        "excluded_loss_all_keys_train_fit": loss_without(fitted([1, 3])),
        "excluded_loss_cube": {k: loss_without(along_cube[k]) for k in ks},
    }
    found = measure(context, expected)
    assert found == {name: pytest.approx(value, rel=1e-10) for name, value in expected.items()}


def test_excluded_loss_of_logits_too_far_apart_for_exponentials(context_of, monkeypatch):
    context = context_of("a+b mod 13")
    factorised = measure(context, ["excluded_loss"])["excluded_loss"]
    monkeypatch.setattr(excluded, "LARGEST_EXPONENT", 0.0)
    assert measure(context, ["excluded_loss"])["excluded_loss"] == pytest.approx(factorised, rel=1e-12)


def test_excluded_loss_stays_finite_for_enormous_logits(context_of, replaced):
    context = context_of("a+b mod 13")
    wild = replaced(context, logits=1e4 * context.logits_with_equals)
    part = projected(wild, [3])
    train = wild.inputs.train
    expected = cross_entropy((wild.logits - part)[train], wild.inputs.answers[train]).item()
    assert measure(wild, ["excluded_loss"])["excluded_loss"][3] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_logit_cosines(context_of, task):
    context = context_of(task, key_frequencies=[1, 3])
    logits = context.logits
    coefficients = {k: (cube(context, k) * logits).sum().item() for k in frequencies(context.p)}
    stacked = torch.stack([cube(context, k).flatten() for k in context.keys], 1)
    fit = (stacked @ torch.linalg.lstsq(stacked, logits.reshape(-1, 1)).solution).reshape(logits.shape)
    similarity = {k: c / logits.norm().item() for k, c in coefficients.items()}
    expected = {
        "logit_cosine_coefficients": coefficients,
        "logit_cosine_similarity": similarity,
        "logit_variance_explained": sum(similarity[k] ** 2 for k in context.keys),
        "logit_fit_variance_explained": 1
        - ((logits - fit).square().sum() / (logits - logits.mean()).square().sum()).item(),
    }
    found = measure(context, expected)
    assert found == {name: pytest.approx(value, rel=1e-10, abs=1e-11) for name, value in expected.items()}


def shares_by_full_transform(values, p):
    """The definition: centre, transform both axes, take the 3 x 3 block of each frequency over the total."""
    basis = torch.tensor(fourier_basis(p))
    centred = (values - values.mean(0)).reshape(p, p, -1)
    energy = torch.einsum("xyn,fx,gy->fgn", centred, basis, basis).square()
    rows = {k: [0, *rows_of(p, k)] for k in frequencies(p)}
    block = torch.stack([energy[r][:, r].sum((0, 1)) for r in rows.values()])
    return block / energy.sum((0, 1))


@pytest.mark.parametrize("task", TASKS)
def test_neuron_frequency_shares(context_of, task):
    context = context_of(task)
    living = context.neuron_shares.varies
    expected = shares_by_full_transform(context.neurons[:, living], context.p)
    torch.testing.assert_close(context.neuron_shares.share[:, living], expected, rtol=1e-10, atol=1e-12)
    found = measure(context, ["neuron_frequency_fraction", "dead_neurons"])
    assert found["neuron_frequency_fraction"] == pytest.approx(expected.amax(0).mean().item(), rel=1e-10)
    assert found["dead_neurons"] == (context.neurons == 0).all(0).sum()


def test_full_size(context_of):
    context = context_of("a+b mod 113", random_network(113, seed=3), key_frequencies=[14, 56])
    shares = context.neuron_shares
    expected = shares_by_full_transform(context.neurons[:, shares.varies], 113)
    torch.testing.assert_close(shares.share[:, shares.varies], expected, rtol=1e-10, atol=1e-12)
    answers, train = context.inputs.answers, context.inputs.train
    rest = context.logits - projected(context, [14, 56])
    found = measure(context, ["excluded_loss_all_keys", "loss"])
    expected_loss = cross_entropy(rest[train], answers[train]).item()
    assert found["excluded_loss_all_keys"] == pytest.approx(expected_loss, rel=1e-10)
    assert found["loss"] == pytest.approx(
        cross_entropy(context.logits_with_equals, answers).item(), rel=1e-10
    )


@pytest.mark.parametrize("task", TASKS)
def test_directions_of_the_neuron_logit_map(context_of, task):
    context = context_of(task, key_frequencies=[1, 3])
    p, basis = context.p, fourier_basis(context.p)
    in_fourier = basis @ context.W_L.numpy()
    explained, coefficients = {}, {}
    for k in context.keys:
        for part, row, along in zip(
            ("cos", "sin"), rows_of(p, k), directions(context, k).numpy(), strict=True
        ):
            y = context.neurons.numpy() @ in_fourier[row]
            explained[f"{k}.{part}"] = (along @ y) ** 2 / ((y - y.mean()) ** 2).sum()
            coefficients[f"{k}.{part}"] = along @ y * np.sqrt(2) / p
    kept = [row for k in context.keys for row in rows_of(p, k)]
    share = (in_fourier[kept] ** 2).sum() / (in_fourier**2).sum()
    expected = {
        "u_v_variance_explained": explained,
        "u_v_coefficients": coefficients,
        "W_L_variance_explained": share,
        "W_L_residual": 1 - share,
    }
    found = measure(context, expected)
    assert found == {name: pytest.approx(value, rel=1e-9, abs=1e-12) for name, value in expected.items()}


def test_losses_and_accuracies_are_over_all_outputs(context_of):
    context = context_of("a+b mod 13")
    logits = context.model.answer_logits(context.inputs.tokens).detach()
    assert logits.shape[1] == 14
    right = (logits.argmax(1) == context.inputs.answers).double()
    expected = {}
    for name, rows in (("train_", context.inputs.train), ("test_", context.inputs.test), ("", slice(None))):
        expected[f"{name}loss"] = cross_entropy(logits[rows], context.inputs.answers[rows]).item()
        expected[f"{name}accuracy"] = right[rows].mean().item()
    found = measure(context, expected)
    assert found == {name: pytest.approx(value, rel=1e-12) for name, value in expected.items()}


def test_naive_loss_minimisation_cosine_is_that_of_the_models_own_gradient(context_of):
    context = context_of("a+b mod 7")
    model, train = context.model, context.inputs.train
    model.zero_grad()
    cross_entropy(model.answer_logits(context.inputs.tokens[train]), context.inputs.answers[train]).backward()
    pairs = {name: (-w.grad, w.detach()) for name, w in model.named_parameters() if w.detach().norm() > 0}
    whole = [torch.cat([pair[i].flatten() for pair in pairs.values()]) for i in (0, 1)]
    # biases start at zero: no cosine of their own, but their gradient is part of the whole
    slopes = torch.cat([w.grad.flatten() for w in model.parameters()])
    expected = {
        name: torch.cosine_similarity(g.flatten(), w.flatten(), 0).item() for name, (g, w) in pairs.items()
    }
    expected["all"] = (whole[0] @ whole[1] / (slopes.norm() * whole[1].norm())).item()
    assert measure(context, ["naive_loss_minimisation_cosine"]) == {
        "naive_loss_minimisation_cosine": pytest.approx(expected, rel=1e-9)
    }
