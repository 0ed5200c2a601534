"""Hooks see, replace, nest, and let go again."""

import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.models.build import build_model
from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig

TOKENS = torch.tensor([[1, 2, 5], [0, 4, 5]])
CONFIG = TransformerConfig(n_layers=2, d_model=4, n_heads=2, d_head=3, d_mlp=5)


@pytest.fixture
def model():
    return build_model(CONFIG, Shape(d_vocab=6, d_vocab_out=6, n_ctx=3), seed=0)


def test_recording_changes_nothing(model):
    logits, cache = model.run_with_cache(TOKENS)
    assert torch.equal(logits, model(TOKENS))
    assert torch.equal(logits, cache["logits"])


def test_names_are_a_list_or_a_predicate(model):
    _, listed = model.run_with_cache(TOKENS, ["blocks.1.mlp.post", "blocks.0.mlp.post"])
    _, chosen = model.run_with_cache(TOKENS, lambda name: name.endswith(".post"))
    assert list(listed) == list(chosen) == ["blocks.0.mlp.post", "blocks.1.mlp.post"]


def test_putting_an_activation_back_changes_nothing_at_any_place(model):
    logits, cache = model.run_with_cache(TOKENS)
    for name, value in cache.items():
        with model.hooks({name: lambda _, value=value: value}):
            assert torch.equal(model(TOKENS), logits), name


def test_every_activation_matters_when_replaced(model):
    logits, cache = model.run_with_cache(TOKENS)
    for name in cache:
        with model.hooks({name: lambda value: torch.full_like(value, 3.0)}):
            assert not torch.allclose(model(TOKENS), logits), name


def test_patching_the_residual_stream_moves_one_input_into_the_other(model):
    _, cache = model.run_with_cache(TOKENS.flip(0))
    with model.hooks({"blocks.0.resid_post": lambda _: cache["blocks.0.resid_post"]}):
        patched = model(TOKENS)
    torch.testing.assert_close(patched, model(TOKENS).flip(0))


def test_a_hook_that_returns_none_only_looks(model):
    seen = []
    with model.hooks({"embed": lambda value: seen.append(value.shape)}):
        logits = model(TOKENS)
    assert seen == [(2, 3, 4)]
    assert torch.equal(logits, model(TOKENS))


def test_nested_hooks_compose_outside_in_and_a_cache_holds_the_outcome(model):
    with model.hooks({"embed": lambda value: 2 * value}), model.hooks({"embed": lambda value: value + 1}):
        _, cache = model.run_with_cache(TOKENS, ["embed"])
    assert torch.equal(cache["embed"], 2 * model.W_E[TOKENS] + 1)


def test_hooks_are_gone_after_the_block_and_after_an_exception(model):
    logits = model(TOKENS)

    def fail(value):
        raise RuntimeError("from inside a hook")

    outer, inner = model.hooks({"embed": torch.zeros_like}), model.hooks({"logits": fail})
    with pytest.raises(RuntimeError, match="from inside"), outer, inner:
        model(TOKENS)
    assert torch.equal(model(TOKENS), logits)


def test_hooks_of_one_model_do_not_touch_another(model):
    other = build_model(CONFIG, model.shape, seed=0)
    with model.hooks({"logits": torch.zeros_like}):
        assert other(TOKENS).abs().max() > 0
        assert model(TOKENS).abs().max() == 0


def test_gradients_flow_through_a_cache(model):
    logits, cache = model.run_with_cache(TOKENS, ["blocks.0.mlp.post"])
    (gradient,) = torch.autograd.grad(logits.sum(), [cache["blocks.0.mlp.post"]])
    assert gradient.shape == (2, 3, 5)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("blocks.0.attn.hook_pattern", "blocks.0.attn.pattern"),
        ("blocks.0.mlp_post", "blocks.0.mlp.post"),
        ("resid_post", "blocks.1.resid_post"),
        ("blocks.2.mlp.post", "blocks.1.mlp.post"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(model, name, near):
    for attempt in (lambda: model.hooks({name: print}), lambda: model.run_with_cache(TOKENS, [name])):
        with pytest.raises(PhasescopeError) as caught:
            attempt()
        assert name in str(caught.value)
        assert near in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) <= 300


def test_a_bare_string_is_not_taken_for_a_list_of_letters(model):
    with pytest.raises(PhasescopeError, match="needs a list of names or a predicate; got 'embed'"):
        model.run_with_cache(TOKENS, "embed")


@pytest.mark.parametrize(
    ("replacement", "came"),
    [
        (torch.zeros(2, 3, 1), "(2, 3, 1) of torch.float32"),
        (torch.zeros(2, 3, 4).double(), "(2, 3, 4) of torch.float64"),
    ],
)
def test_a_replacement_that_does_not_fit_is_named(model, replacement, came):
    with pytest.raises(PhasescopeError) as caught, model.hooks({"embed": lambda _: replacement}):
        model(TOKENS)
    needed = "a hook on embed must return shape (2, 3, 4) of torch.float32"
    assert str(caught.value) == f"{needed}; got {came}"


def test_the_mlp_has_hooks_too():
    shape = Shape(d_vocab=5, d_vocab_out=5, n_ctx=2)
    model = build_model(EmbeddingMLPConfig(d_embed=3, d_hidden=4), shape, seed=0)
    with model.hooks({"hidden.post": torch.zeros_like}):
        assert model(TOKENS[:, :2]).abs().max() == 0
