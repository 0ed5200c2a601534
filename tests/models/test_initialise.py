"""First weights, against a literal transcription of each published recipe."""

import math

import pytest
import torch
from torch import nn

from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig
from phasescope.models.initialise import initial_parameters
from phasescope.models.names import parameter_shapes


def gaussian(*size, width):
    """From the global generator, as the authors draw."""
    return torch.randn(*size) / math.sqrt(width)


MAINLINE = Shape(d_vocab=114, d_vocab_out=114, n_ctx=3)


def authors_mainline(seed, P=113, d=128):
    """The published recipe, line by line, in its own layout and from the global generator."""
    torch.manual_seed(seed)
    w = {"W_E": torch.randn(d, P + 1) / math.sqrt(d), "W_pos": torch.randn(3, d) / math.sqrt(d)}
    w["W_K"] = torch.randn(4, 32, d) / math.sqrt(d)
    w["W_Q"] = torch.randn(4, 32, d) / math.sqrt(d)
    w["W_V"] = torch.randn(4, 32, d) / math.sqrt(d)
    w["W_O"] = torch.randn(d, 128) / math.sqrt(d)
    w["W_in"] = torch.randn(512, d) / math.sqrt(d)
    w["b_in"] = torch.zeros(512)
    w["W_out"] = torch.randn(d, 512) / math.sqrt(d)
    w["b_out"] = torch.zeros(d)
    w["W_U"] = torch.randn(d, P + 1) / math.sqrt(P + 1)
    return w


@pytest.mark.parametrize("seed", [0, 1, 999])
def test_nanda2023_is_the_authors_to_the_last_bit(seed):
    theirs = authors_mainline(seed)
    ours = initial_parameters(TransformerConfig(), MAINLINE, seed)
    assert torch.equal(ours["embed.W_E"], theirs["W_E"].T)
    assert torch.equal(ours["pos_embed.W_pos"], theirs["W_pos"])
    for name in ("W_K", "W_Q", "W_V"):
        assert torch.equal(ours[f"blocks.0.attn.{name}"], theirs[name].transpose(1, 2))
    for head in range(4):  # a head's outputs are 32 columns of their one matrix
        columns = theirs["W_O"][:, 32 * head : 32 * (head + 1)]
        assert torch.equal(ours["blocks.0.attn.W_O"][head], columns.T)
    for name in ("W_in", "W_out"):
        assert torch.equal(ours[f"blocks.0.mlp.{name}"], theirs[name].T)
    for name in ("b_in", "b_out"):
        assert torch.equal(ours[f"blocks.0.mlp.{name}"], theirs[name])
    assert torch.equal(ours["unembed.W_U"], theirs["W_U"])


def test_two_layers_repeat_the_recipe_layer_after_layer():
    config = TransformerConfig(n_layers=2, d_model=8, n_heads=2, d_head=3, d_mlp=5)
    ours = initial_parameters(config, Shape(d_vocab=6, d_vocab_out=6, n_ctx=3), seed=4)
    torch.manual_seed(4)
    torch.randn(8, 6), torch.randn(3, 8)
    for layer in range(2):
        for name in ("W_K", "W_Q", "W_V"):
            assert torch.equal(ours[f"blocks.{layer}.attn.{name}"].mT, gaussian(2, 3, 8, width=8))
        assert torch.equal(ours[f"blocks.{layer}.attn.W_O"].reshape(6, 8).T, gaussian(8, 6, width=8))
        assert torch.equal(ours[f"blocks.{layer}.mlp.W_in"].T, gaussian(5, 8, width=8))
        assert torch.equal(ours[f"blocks.{layer}.mlp.W_out"].T, gaussian(8, 5, width=8))
    assert torch.equal(ours["unembed.W_U"], gaussian(8, 6, width=6))


def test_zhong2023_unembeds_before_its_blocks_and_narrows_W_in():
    config = TransformerConfig(init="zhong2023", d_model=8, n_heads=2, d_head=3, d_mlp=5)
    ours = initial_parameters(config, Shape(d_vocab=6, d_vocab_out=6, n_ctx=2), seed=4)
    torch.manual_seed(4)
    torch.randn(8, 6), torch.randn(2, 8)
    assert torch.equal(ours["unembed.W_U"], gaussian(8, 6, width=6))
    for name in ("W_K", "W_Q", "W_V"):
        assert torch.equal(ours[f"blocks.0.attn.{name}"].mT, gaussian(2, 3, 8, width=8))
    torch.randn(8, 6)
    assert torch.equal(ours["blocks.0.mlp.W_in"].T, gaussian(5, 8, width=5))


def test_transformer_lens_has_one_standard_deviation_and_its_own_order():
    config = TransformerConfig(init="transformer_lens", attention_bias=True, unembed_bias=True)
    ours = initial_parameters(config, Shape(d_vocab=114, d_vocab_out=113, n_ctx=3), seed=999)
    torch.manual_seed(999)
    std = 0.8 / math.sqrt(128)
    for name in ("embed.W_E", "pos_embed.W_pos", "blocks.0.attn.W_Q", "blocks.0.attn.W_O"):
        assert torch.equal(ours[name], nn.init.normal_(torch.empty(ours[name].shape), std=std))
    for name, value in ours.items():
        if ".b_" in name:
            assert not value.any()
        else:
            assert abs(float(value.std()) / std - 1) < 0.1, name


def test_torch_draws_as_its_own_modules_do():
    config = TransformerConfig(
        init="torch", normalization="pre", attention_bias=True, unembed_bias=True, n_heads=4, d_head=64
    )
    ours = initial_parameters(config, MAINLINE, seed=0)
    torch.manual_seed(0)
    modules = {
        "blocks.0.attn.W_Q": nn.Linear(128, 256).weight,
        "blocks.0.attn.b_V": nn.Linear(128, 256).bias,
        "blocks.0.attn.W_O": nn.Linear(256, 128).weight,
        "blocks.0.attn.b_O": nn.Linear(256, 128).bias,
        "blocks.0.mlp.W_in": nn.Linear(128, 512).weight,
        "blocks.0.mlp.W_out": nn.Linear(512, 128).weight,
        "blocks.0.mlp.b_out": nn.Linear(512, 128).bias,
        "unembed.W_U": nn.Linear(128, 114).weight,
        "unembed.b_U": nn.Linear(128, 114).bias,
    }
    for name, theirs in modules.items():
        assert abs(float(ours[name].abs().max() / theirs.abs().max().item()) - 1) < 0.08, name
        assert abs(float(ours[name].std() / theirs.std().item()) - 1) < 0.25, name
    assert abs(float(ours["embed.W_E"].std()) - 1) < 0.02
    for name, value in nn.LayerNorm(128).state_dict().items():
        assert torch.equal(ours[f"ln_final.{name[0]}"], value)


def test_chughtai2023_is_the_authors_to_the_last_bit():
    ours = initial_parameters(EmbeddingMLPConfig(), Shape(d_vocab=120, d_vocab_out=120, n_ctx=2), seed=1)
    torch.manual_seed(1)
    assert torch.equal(ours["W_x"], torch.randn(120, 256) / math.sqrt(256))
    assert torch.equal(ours["W_y"], torch.randn(120, 256) / math.sqrt(256))
    assert torch.equal(ours["W"], torch.randn(512, 128) / math.sqrt(512))
    assert torch.equal(ours["W_U"], torch.randn(128, 120) / math.sqrt(128))


EVERY_INIT = [
    *(TransformerConfig(init=init) for init in ("nanda2023", "transformer_lens", "torch", "zhong2023")),
    *(EmbeddingMLPConfig(init=init) for init in ("chughtai2023", "torch")),
]


@pytest.mark.parametrize("config", EVERY_INIT, ids=lambda config: f"{config.kind}-{config.init}")
def test_a_seed_gives_the_same_weights_and_leaves_the_global_stream_alone(config):
    torch.manual_seed(7)
    untouched = torch.get_rng_state()
    first = initial_parameters(config, MAINLINE, seed=5)
    assert torch.equal(torch.get_rng_state(), untouched)
    torch.randn(3)
    again, other = initial_parameters(config, MAINLINE, seed=5), initial_parameters(config, MAINLINE, seed=6)
    assert {name: tuple(w.shape) for name, w in first.items()} == parameter_shapes(config, MAINLINE)
    for name, weight in first.items():
        assert weight.dtype == torch.float32
        assert weight.is_contiguous()
        assert torch.equal(weight, again[name])
        assert torch.equal(weight, other[name]) == (not weight.any())


@pytest.mark.parametrize("init", ["nanda2023", "transformer_lens", "torch", "zhong2023"])
@pytest.mark.parametrize("options", [{"tied": True}, {"positions": "sinusoidal"}, {"normalization": "post"}])
def test_a_recipe_draws_only_what_the_network_has(init, options):
    config = TransformerConfig(init=init, n_layers=2, **options)
    drawn = initial_parameters(config, MAINLINE, seed=0)
    assert {name: tuple(w.shape) for name, w in drawn.items()} == parameter_shapes(config, MAINLINE)
