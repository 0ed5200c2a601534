"""Networks are built whole or not at all."""

import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.models.build import build_model, model_from_parameters
from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig

SHAPE = Shape(d_vocab=6, d_vocab_out=6, n_ctx=3)
CONFIG = TransformerConfig(n_layers=2, d_model=4, n_heads=2, d_head=3, d_mlp=5)


def test_the_mainline_has_the_published_number_of_weights():
    model = build_model(TransformerConfig(), Shape(d_vocab=114, d_vocab_out=114, n_ctx=3), seed=0)
    embeddings, attention, mlp = 114 * 128 + 3 * 128 + 128 * 114, 4 * 4 * 128 * 32, 2 * 128 * 512 + 512 + 128
    assert sum(weight.numel() for weight in model.parameters()) == embeddings + attention + mlp


@pytest.mark.parametrize("config", [CONFIG, EmbeddingMLPConfig(d_embed=3, d_hidden=4)])
def test_a_network_is_rebuilt_from_its_state_dict(config):
    model = build_model(config, SHAPE, seed=0)
    again = model_from_parameters(config, SHAPE, model.state_dict())
    tokens = torch.tensor([[1, 2, 5], [0, 4, 5]])
    assert torch.equal(model(tokens), again(tokens))
    assert list(model.state_dict()) == list(again.state_dict())


def test_float64_weights_are_the_float32_draws():
    single = build_model(CONFIG, SHAPE, seed=0).state_dict()
    double = build_model(CONFIG, SHAPE, seed=0, dtype=torch.float64).state_dict()
    for name, weight in double.items():
        assert weight.dtype == torch.float64
        assert torch.equal(weight, single[name].double())


def test_all_that_does_not_fit_is_named_in_one_line():
    state = build_model(CONFIG, SHAPE, seed=0).state_dict()
    state["unembed.W_Q"] = state.pop("unembed.W_U")
    state["blocks.1.mlp.b_in"] = torch.zeros(7)
    with pytest.raises(PhasescopeError) as caught:
        model_from_parameters(CONFIG, SHAPE, state)
    assert str(caught.value) == (
        "weights do not fit: missing unembed.W_U; unknown unembed.W_Q; blocks.1.mlp.b_in is (7,), needs (5,)"
    )


def test_every_renamed_weight_is_an_error_and_the_line_stays_short():
    state = build_model(CONFIG, SHAPE, seed=0).state_dict()
    for name in state:
        renamed = {(key + "x" if key == name else key): value for key, value in state.items()}
        with pytest.raises(PhasescopeError, match=f"missing {name}; unknown {name}x"):
            model_from_parameters(CONFIG, SHAPE, renamed)
    with pytest.raises(PhasescopeError, match="and 16 more") as caught:
        model_from_parameters(CONFIG, SHAPE, {"w" * 500: torch.zeros(1)})
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize(
    ("config", "shape", "message"),
    [
        (CONFIG.model_copy(update={"tied": True}), (6, 5, 3), "as many logits as tokens; got 5 and 6"),
        (CONFIG, (6, 6, 1), "room for two operands; got n_ctx=1"),
    ],
)
def test_a_config_and_a_shape_that_contradict_each_other_are_refused(config, shape, message):
    d_vocab, d_vocab_out, n_ctx = shape
    with pytest.raises(PhasescopeError, match=message):
        build_model(config, Shape(d_vocab=d_vocab, d_vocab_out=d_vocab_out, n_ctx=n_ctx), seed=0)


def test_a_notebook_shows_every_weight_without_a_script():
    model = build_model(CONFIG, SHAPE, seed=0)
    page = model._repr_html_()
    assert page.count("<tr>") == 1 + len(model.state_dict())
    assert "<td>blocks.1.attn.W_O</td><td>2 x 3 x 4</td>" in page
    assert "script" not in page
    assert repr(model) == (
        "Transformer of 350 weights; reads 3 tokens of 6, gives 6 logits; "
        "n_layers=2; d_model=4; n_heads=2; d_head=3; d_mlp=5"
    )
