"""Planted frequencies are found, all of them and no others; where nothing is planted nothing is found."""

import pytest
import torch

from phasescope.algebra.fourier import fourier_basis, frequencies
from phasescope.measures.clusters import FEWEST_NEURONS, cluster_sizes, clustered_frequencies
from phasescope.measures.context import Context
from phasescope.measures.measure import measure
from phasescope.measures.spectrum import frequency_share
from phasescope.models.handmade import clock_transformer, lookup_network, random_network
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import parse_split

RULES = ["key_frequencies", "key_frequencies_W_L", "key_frequencies_W_E", "key_frequencies_logit_cosine"]


def found_by(model, p, rules=("key_frequencies",)):
    task = parse_task(f"a+b mod {p}").build()
    found = measure(Context(model, task, parse_split("all").split(task)), rules)
    return [found[rule] for rule in rules]


@pytest.mark.parametrize(
    ("p", "k"),
    [(p, k) for p in (7, 8, 53, 59) for k in frequencies(p)]
    + [
        (97, 1),
        (97, 48),
        (113, 14),
        (113, 55),
        (113, 56),
        (96, 24),
        (96, 47),
        (96, 48),
        (120, 40),
        (120, 60),
    ],
)
def test_every_single_frequency_is_found_by_every_rule(p, k):
    assert found_by(clock_transformer(p, [k]), p, RULES) == [[k]] * len(RULES)


@pytest.mark.parametrize("p", [7, 53, 97, 113])
def test_exact_sets(p):
    generator = torch.Generator().manual_seed(p)
    for size in (2, 3):
        keys = sorted((torch.randperm(p // 2, generator=generator)[:size] + 1).tolist())
        assert found_by(clock_transformer(p, keys), p, RULES) == [keys] * len(RULES)


def test_the_unthresholded_rule_reaches_the_highest_frequency():
    assert found_by(clock_transformer(59, [29]), 59, ["key_frequencies_neuron_argmax"]) == [[29]]


@pytest.mark.parametrize("p", [3, 4, 5, 6, 7, 8, 13])
def test_random_networks_have_none_even_on_small_tables(p):
    assert [found_by(random_network(p, seed), p) for seed in range(10)] == [[[]]] * 10


def test_random_networks_have_none():
    assert [found_by(random_network(53, seed), 53) for seed in range(20)] == [[[]]] * 20


@pytest.mark.slow
def test_a_hundred_random_networks_have_none():
    assert sum(found_by(random_network(113, seed), 113) == [[]] for seed in range(100)) >= 99


@pytest.mark.parametrize("p", [7, 13, 29])
def test_a_lookup_table_has_none_and_a_flat_spectrum(p):
    task = parse_task(f"a+b mod {p}").build()
    context = Context(lookup_network(task), task, parse_split("all").split(task))
    assert measure(context, ["accuracy", "key_frequencies"]) == {"accuracy": 1.0, "key_frequencies": []}
    flat = torch.full_like(context.neuron_shares.share, 8 / (p**2 - 1))
    torch.testing.assert_close(context.neuron_shares.share, flat, rtol=1e-10, atol=0)


def test_chance_is_what_keeps_small_tables_out():
    """On Z_7 a random f(a) + f(b) passes 0.85 in some frequency now and then: it has only three."""
    basis = torch.tensor(fourier_basis(7))
    f = torch.randn(7, 1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    neurons = (f[:, None] + f[None]).flatten(0, 1)
    shares = frequency_share(neurons, basis)
    assert cluster_sizes(shares).min() >= FEWEST_NEURONS
    assert clustered_frequencies(neurons, shares, basis) == ()


def test_four_neurons_are_too_few_and_a_fifth_is_enough():
    basis = torch.tensor(fourier_basis(13))
    pure = torch.outer(basis[5], basis[6]).reshape(169, 1)
    for n, keys in ((4, ()), (5, (3,))):
        neurons = pure.repeat(1, n)
        assert clustered_frequencies(neurons, frequency_share(neurons, basis), basis) == keys


def test_dead_neurons_count_for_nothing():
    basis = torch.tensor(fourier_basis(13))
    neurons = torch.cat([torch.zeros(169, 40), torch.ones(169, 3)], 1).double()
    shares = frequency_share(neurons, basis)
    assert not shares.varies.any()
    assert shares.share.abs().max() == 0
    assert clustered_frequencies(neurons, shares, basis) == ()


def test_keys_that_are_given_are_used_and_the_rule_still_says_what_it_finds():
    task = parse_task("a+b mod 13").build()
    split = parse_split("all").split(task)
    context = Context(clock_transformer(13, [2, 5]), task, split, key_frequencies=[6, 2])
    assert context.keys == (2, 6)
    assert measure(context, ["key_frequencies"])["key_frequencies"] == [2, 5]
