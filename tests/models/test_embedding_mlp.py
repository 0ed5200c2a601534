"""The embedding MLP against its one-line formulas."""

import pytest
import torch

from phasescope.models.activations import activate
from phasescope.models.build import build_model
from phasescope.models.config import EmbeddingMLPConfig, Shape
from phasescope.models.embedding_mlp import embedding_mlp_logits

PAIRS = torch.cartesian_prod(torch.arange(5), torch.arange(5))


def test_concat_is_the_network_of_chughtai2023():
    config = EmbeddingMLPConfig(d_embed=3, d_hidden=7)
    model = build_model(config, Shape(d_vocab=5, d_vocab_out=5, n_ctx=2), seed=0, dtype=torch.float64)
    w = model.state_dict()
    a, b = PAIRS.T
    hidden = torch.clamp(w["W_x"][a] @ w["W"][:3] + w["W_y"][b] @ w["W"][3:], min=0)
    torch.testing.assert_close(model.answer_logits(PAIRS), hidden @ w["W_U"], rtol=1e-12, atol=1e-12)
    assert model(PAIRS).shape == (25, 1, 5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu", "quadratic", "absolute"])
def test_sum_adds_the_embeddings(tied, activation):
    config = EmbeddingMLPConfig(combine="sum", d_embed=4, d_hidden=4, tied=tied, activation=activation)
    model = build_model(config, Shape(d_vocab=5, d_vocab_out=5, n_ctx=2), seed=0, dtype=torch.float64)
    w = model.state_dict()
    assert set(w) == ({"W_x", "W_U"} if tied else {"W_x", "W_y", "W_U"})
    a, b = PAIRS.T
    hidden = activate(activation, w["W_x"][a] + w["W_x" if tied else "W_y"][b])
    torch.testing.assert_close(model.answer_logits(PAIRS), hidden @ w["W_U"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n_ctx", "right"), [(2, 1), (3, 1), (4, 2)])
def test_reads_the_operands_of_every_layout_and_nothing_else(n_ctx, right):
    config = EmbeddingMLPConfig(d_embed=3, d_hidden=7)
    model = build_model(config, Shape(d_vocab=5, d_vocab_out=5, n_ctx=n_ctx), seed=0)
    two = build_model(config, Shape(d_vocab=5, d_vocab_out=5, n_ctx=2), seed=0)
    tokens = torch.full((25, n_ctx), 99)  # a token the network has no row for: reading it would fail
    tokens[:, 0], tokens[:, right] = PAIRS.T
    assert torch.equal(model(tokens), two(PAIRS))


def test_gradients_are_those_of_finite_differences():
    config, shape = EmbeddingMLPConfig(d_embed=3, d_hidden=4), Shape(d_vocab=5, d_vocab_out=5, n_ctx=2)
    model = build_model(config, shape, seed=0, dtype=torch.float64)
    weights = dict(model.named_parameters())

    def logits(*values):
        return embedding_mlp_logits(config, dict(zip(weights, values, strict=True)), PAIRS[:4])

    assert torch.autograd.gradcheck(logits, list(weights.values()))


def test_its_matrices_go_by_the_names_that_measures_use():
    model = build_model(EmbeddingMLPConfig(), Shape(d_vocab=5, d_vocab_out=5, n_ctx=2), seed=0)
    w = model.state_dict()
    assert torch.equal(model.W_E, w["W_x"])
    assert torch.equal(model.W_U, w["W_U"])
    assert torch.equal(model.W_L, w["W_U"].T)
    assert model.neurons == "hidden.post"


def test_is_a_function_of_its_parameters_for_functional_call():
    shape = Shape(d_vocab=5, d_vocab_out=5, n_ctx=2)
    one, other = (build_model(EmbeddingMLPConfig(), shape, seed=seed) for seed in (0, 1))
    called = torch.func.functional_call(one, dict(other.named_parameters()), (PAIRS,))
    assert torch.equal(called, other(PAIRS))
