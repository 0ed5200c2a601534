"""Clock against pizza: values on paper, the definitions written out, and the authors' own network."""

import itertools
import math
import random

import numpy as np
import pytest
import torch

from phasescope.algebra.fourier import fourier_basis, frequencies
from phasescope.measures.clock_and_pizza import _triples
from phasescope.measures.context import Context
from phasescope.measures.measure import left_out, measure
from phasescope.measures.principal_circles import circles, principal_components
from phasescope.models.checkpoint_file import load_checkpoint_file
from phasescope.models.handmade import clock_transformer, gromov_network, lookup_network, pizza_transformer
from phasescope.tasks.config import ModularTask
from phasescope.tasks.split import parse_split


def context_of_pair(model, p, operation="a+b"):
    task = ModularTask(operation=operation, p=p, layout="a b").build()
    return Context(model, task, parse_split("all").split(task))


def the_authors_triples(p):
    triples = list(itertools.product(range(p), repeat=3))
    random.Random(42).shuffle(triples)
    return torch.tensor(triples[:100]).unbind(1)


def test_the_authors_model_a(model_a):
    """Every published value to its last digit."""
    found = measure(context_of_pair(load_checkpoint_file(model_a).model, 59))
    assert found["sum_squared_weights"] ** 0.5 == pytest.approx(22.854, abs=5e-4)
    assert found["distance_irrelevance"] == pytest.approx(0.171736, abs=5e-7)
    assert found["gradient_symmetricity"] == pytest.approx(0.993665, abs=5e-7)
    assert found["circularity"] == pytest.approx(0.997818, abs=5e-7)
    assert found["key_frequencies"] == [3, 15, 17]
    percent = {
        name: {k: round(100 * value, 2) for k, value in found[name].items()}
        for name in ("q_clock_variance_explained", "q_pizza_folded_variance_explained", "circle_accuracy")
    }
    assert percent["q_clock_variance_explained"] == {17: 75.41, 3: 75.62, 15: 75.38}
    assert percent["q_pizza_folded_variance_explained"] == {17: 98.31, 3: 98.31, 15: 98.41}
    assert percent["circle_accuracy"][3] == pytest.approx(32.8, abs=0.05)


@pytest.mark.parametrize("p", [7, 53])
@pytest.mark.parametrize("amplitudes", [{1: 4.0}, {2: 3.0, 3: 5.0}])
def test_gradients_of_a_clock(p, amplitudes):
    """The gradient at a is A (cos w(b-c), -sin w(b-c)), at b the same of a-c: their cosine is cos w(a-b)."""
    model = clock_transformer(p, list(amplitudes), list(amplitudes.values()))
    task = ModularTask(p=p).build()
    context = Context(model, task, parse_split("all").split(task))
    a, b, _ = the_authors_triples(p)
    weights = {k: A**2 / sum(A**2 for A in amplitudes.values()) for k, A in amplitudes.items()}
    cosine = sum(share * torch.cos(2 * math.pi / p * k * (a - b).double()) for k, share in weights.items())
    found = measure(context, "gradient_symmetricity")["gradient_symmetricity"]
    assert found == pytest.approx(float(cosine.mean()), abs=1e-9)


def test_a_clock_does_not_know_distance():
    task = ModularTask(p=13).build()
    context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
    assert measure(context, "distance_irrelevance") == {"distance_irrelevance": 1.0}


@pytest.mark.parametrize(("p", "keys"), [(7, [3]), (59, [3, 15, 17]), (113, [14, 56])])
def test_a_pizza(p, keys):
    found = measure(context_of_pair(pizza_transformer(p, keys, n_phases=64), p))
    assert found["gradient_symmetricity"] == pytest.approx(1, abs=1e-5)
    assert found["distance_irrelevance"] < 0.01
    assert found["circularity"] == pytest.approx(1, abs=1e-12)
    assert found["key_frequencies"] == keys
    assert list(found["q_pizza_variance_explained"]) == keys
    assert all(value > 0.9999 for value in found["q_pizza_variance_explained"].values())
    # over many distances |cos| has mean 2/π and mean square 1/2: r² is 8/π²
    expected = 2 * math.sqrt(8) / math.pi - 1
    for value in found["q_clock_variance_explained"].values():
        assert value == pytest.approx(expected, abs=2 / p**2 + 1e-3)


def test_a_clock_with_one_circle_is_a_clock_of_that_circle():
    task = ModularTask(p=53).build()
    found = measure(Context(clock_transformer(53, [26]), task, parse_split("all").split(task)))
    assert found["q_clock_variance_explained"] == {26: pytest.approx(1)}
    assert found["circle_accuracy"] == {26: 1.0}
    assert found["circles_accuracy"] == 1.0
    assert found["circularity"] == pytest.approx(1)


@pytest.mark.parametrize("task", ["a+b mod 11", "a-b mod 12", "a+b mod 12"])
def test_definitions_written_out(context_of, task):
    """Random networks against loops over the definitions."""
    context = context_of(task)
    p, n = context.p, context.task.n_elements
    pairs, answers = context.task.pairs, context.task.answers
    logits = context.logits.numpy()
    right = logits[np.arange(n * n), answers]
    wrong = np.array([np.delete(row, answer).max() for row, answer in zip(logits, answers, strict=True)])
    distance = (pairs[:, 0] + (1 if "a-b" in task else -1) * pairs[:, 1]) % p
    expected = {
        name: np.mean([values[distance == d].std() for d in range(p)]) / values.std()
        for name, values in (("distance_irrelevance", right), ("distance_irrelevance_runner_up", wrong))
    }
    a, b, c = the_authors_triples(n)
    cosines = []
    for i, j, k in zip(a.tolist(), b.tolist(), c.tolist(), strict=True):
        leaf = []

        def take(value, leaf=leaf):
            leaf.append(value.detach().requires_grad_())
            return leaf[0]

        with context.double.hooks({"embed": take}):
            logit = context.double.answer_logits(torch.tensor([[i, j, n]]))[0, k]
        (slope,) = torch.autograd.grad(logit, leaf)
        cosines.append(torch.cosine_similarity(slope[0, 0], slope[0, 1], dim=0).item())
    expected["gradient_symmetricity"] = np.mean(cosines)
    found = measure(context, expected)
    assert found == {name: pytest.approx(value, abs=1e-10) for name, value in expected.items()}


def test_circularity_is_the_authors_formula(context_of):
    context = context_of("a+b mod 11")
    centred = context.W_E - context.W_E.mean(0)
    components = np.linalg.svd(centred.numpy())[0].T[:4]
    best = [max(2 * abs(np.fft.fft(v)[1:]) ** 2) / 11 for v in components]
    assert measure(context, "circularity")["circularity"] == pytest.approx(np.mean(np.clip(best, 0, 1)))


def test_q_fits_are_what_a_standardised_difference_leaves(context_of):
    """1 - var(z(L) - z(Q)) / var(z(L)), on a pizza of which one circle is spoilt."""
    p = 11
    model = pizza_transformer(p, [2, 3], [5.0, 3.0], n_phases=5)
    context = context_of_pair(model, p)
    a, b = torch.tensor(context.task.pairs).unbind(1)
    c = torch.arange(p)
    found = measure(context)
    for k, fit in context.circle_fits.items():
        (circle,) = (circle for circle in context.key_circles if circle.frequency == k)
        logits = context.logits_of_components(circle.components)
        assert fit.accuracy == float((logits.argmax(1) == context.inputs.answers).double().mean())
        half = torch.cos(math.pi * k / p * (a - b).double()).abs()[:, None]
        x = 2 * math.pi * k / p * ((a + b)[:, None] - c).double()
        forms = {
            "q_clock_variance_explained": x.cos(),
            "q_pizza_variance_explained": half * x.cos(),
            "q_pizza_folded_variance_explained": half * ((x / 2).cos().abs() - (x / 2).sin().abs()),
        }
        for name, form in forms.items():
            z, q = ((t - t.mean()) / t.std(correction=0) for t in (logits, form))
            assert found[name][k] == pytest.approx(float(1 - (z - q).var(correction=0)), abs=1e-10)


@pytest.mark.parametrize("p", [7, 8, 29])
def test_every_circle_is_found(p):
    basis = torch.tensor(fourier_basis(p))
    generator = torch.Generator().manual_seed(p)
    ks = [k for k in frequencies(p) if 2 * k != p]
    waves = torch.stack([basis[row] * (10 + k) for k in ks for row in (2 * k - 1, 2 * k)])
    mixed = torch.linalg.qr(torch.randn(len(waves), len(waves), generator=generator, dtype=torch.float64)).Q
    found = circles(principal_components(waves.T @ mixed + 3.0, basis))
    assert [circle.frequency for circle in found] == ks[::-1]
    assert [i for circle in found for i in circle.components] == list(range(2 * len(ks)))


def test_a_flat_or_random_embedding_has_no_circles(context_of):
    basis = torch.tensor(fourier_basis(53))
    assert circles(principal_components(torch.zeros(53, 4, dtype=torch.float64), basis)) == []
    random_rows = torch.randn(53, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert circles(principal_components(random_rows, basis)) == []
    assert measure(context_of("a+b mod 53"), "circularity")["circularity"] < 0.5


def test_operands_with_embeddings_of_their_own_have_no_symmetry_to_measure(context_of):
    task = ModularTask(p=7).build()
    for model in (lookup_network(task), gromov_network(7, 60)):
        reasons = left_out(context_of("a+b mod 7", model, key_frequencies=[1]))
        assert {"gradient_symmetricity", "circle_accuracy", "q_pizza_variance_explained"} <= set(reasons)
        assert "one embedding for both operands" in reasons["gradient_symmetricity"]


def test_triples_of_a_large_table_are_sampled():
    a, b, c = _triples(307)
    numbers = (a * 307 + b) * 307 + c
    assert len(set(numbers.tolist())) == 100
    assert numbers.max() < 307**3
    assert numbers.double().mean() == pytest.approx(307**3 / 2, rel=0.2)
