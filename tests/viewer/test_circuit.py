"""The network taken apart, put together again as the page does it, equals the network."""

import numpy as np
import pytest
import torch

from phasescope.models.build import build_model
from phasescope.models.config import EmbeddingMLPConfig, TransformerConfig, shape_for
from phasescope.tasks.config import GroupTask, ModularTask
from phasescope.tasks.split import SplitConfig
from phasescope.training.recipe import Recipe
from phasescope.viewer.circuit import circuit_of, logits, neuron_inputs, scores

SMALL = {"d_model": 12, "n_heads": 3, "d_head": 4, "d_mlp": 20}
NETWORKS = [
    TransformerConfig(**SMALL),
    TransformerConfig(**SMALL, attention_bias=True, unembed_bias=True, softmax_share=0.3, activation="gelu"),
    TransformerConfig(**SMALL, positions="sinusoidal", tied=True, mlp_bias=False, causal=False),
    EmbeddingMLPConfig(d_embed=6, d_hidden=20),
    EmbeddingMLPConfig(d_embed=20, d_hidden=20, combine="sum", tied=True, activation="quadratic"),
]
TASKS = [ModularTask(p=7), ModularTask(p=7, layout="a o b ="), GroupTask(group="S3")]


def taken_apart(config, task):
    split = SplitConfig(kind="nanda2023", fraction=0.5, seed=0)
    recipe = Recipe(task=task, split=split, model=config)
    built = task.build()
    shape = shape_for(config, built.n_elements, built.d_vocab, built.n_ctx)
    model = build_model(config, shape, seed=0).double()
    with torch.no_grad():
        for weight in model.parameters():  # biases begin at zero, and would not be missed
            weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    weights = {name: weight.detach().numpy() for name, weight in model.named_parameters()}
    out, cache = model.run_with_cache(torch.tensor(built.tokens))
    return circuit_of(recipe.canonical_json()), weights, model, out[:, -1].detach(), cache


def put_together(circuit, weights, neuron):
    """Patterns over (a, b) and a neuron's input, by the formula that the page uses."""
    n, heads, fixed = circuit.n, max(circuit.heads, 1), circuit.record()["fixed"]
    parts = neuron_inputs(circuit, weights, neuron)
    carried = parts[:-1].reshape(heads, 2 * n + fixed)
    pattern = np.ones((heads, n, n, 2))
    if circuit.heads:
        s = np.exp(scores(circuit, weights))
        a, b, rest = s[:, :n, None], s[:, None, n : 2 * n], s[:, 2 * n :]
        total = a + b + rest.sum(axis=1)[:, None, None]
        share = circuit.record()["share"]
        looks = [a, b, *(rest[:, i, None, None] for i in range(fixed))]
        pattern = np.stack([share * np.broadcast_to(x, total.shape) / total + 1 - share for x in looks], -1)
    table = parts[-1] + np.zeros((n, n))
    for h in range(heads):
        table += (
            pattern[h, :, :, 0] * carried[h, :n, None] + pattern[h, :, :, 1] * carried[h, None, n : 2 * n]
        )
        for i in range(fixed):
            table += pattern[h, :, :, 2 + i] * carried[h, 2 * n + i]
    return pattern, table


@pytest.mark.parametrize("task", TASKS, ids=str)
@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: f"{config.kind}-{config.activation}")
def test_parts_make_the_network_again(config, task):
    circuit, weights, model, out, cache = taken_apart(config, task)
    n = circuit.n
    for neuron in (0, 13, 19):
        pattern, table = put_together(circuit, weights, neuron)
        pre = cache[model.neurons.replace("post", "pre")].detach().reshape(n * n, -1, 20)[:, -1]
        np.testing.assert_allclose(table.ravel(), pre[:, neuron], rtol=1e-9, atol=1e-12)
    if circuit.heads:
        looked = cache["blocks.0.attn.pattern"].detach().numpy()[:, :, -1]
        np.testing.assert_allclose(pattern[..., 0].reshape(circuit.heads, -1).T, looked[:, :, 0], rtol=1e-9)
        right = 1 if circuit.task.n_ctx == 3 else 2
        np.testing.assert_allclose(
            pattern[..., 1].reshape(circuit.heads, -1).T, looked[:, :, right], rtol=1e-9
        )
    for a, b in ((0, 0), (2, 5), (n - 1, 1)):
        expected = out[a * n + b, :n].numpy()
        np.testing.assert_allclose(logits(circuit, weights, a, b), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("config", "task"),
    [
        (TransformerConfig(**SMALL, n_layers=2), ModularTask(p=7)),
        (TransformerConfig(**SMALL, normalization="pre"), ModularTask(p=7)),
        (TransformerConfig(**SMALL), ModularTask(p=7, layout="a b")),
        (TransformerConfig(**SMALL), ModularTask(p=7, operation="a/b")),
        (TransformerConfig(**SMALL), ModularTask(p=211)),
    ],
)
def test_what_cannot_be_taken_apart_is_left_out(config, task):
    split = SplitConfig(kind="nanda2023", fraction=0.5, seed=0)
    assert circuit_of(Recipe(task=task, split=split, model=config).canonical_json()) is None


def test_suggested_pairs_are_of_both_kinds():
    recipe = Recipe(task=ModularTask(p=7), split=SplitConfig(kind="nanda2023", fraction=0.5, seed=0))
    circuit = circuit_of(recipe.canonical_json())
    suggested = circuit.record()["suggested"]
    assert [pair["trained"] for pair in suggested] == [True, True, False, False]
    assert all(pair["answer"] == (pair["a"] + pair["b"]) % 7 for pair in suggested)
    rows = set(recipe.split.split(recipe.task.build()).train.tolist())
    assert [pair["a"] * 7 + pair["b"] in rows for pair in suggested] == [True, True, False, False]
