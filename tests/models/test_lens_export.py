"""Our networks in TransformerLens: the same logits and activations there, and the same network back."""

import importlib.metadata
import sys

import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.models.build import build_model
from phasescope.models.checkpoint_file import load_checkpoint_file
from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig
from phasescope.models.lens_export import lens_bridge, lens_config, lens_file, lens_state_dict

SHAPE = Shape(d_vocab=8, d_vocab_out=8, n_ctx=3)
NARROW = Shape(d_vocab=8, d_vocab_out=7, n_ctx=3)
SIZES = {"d_model": 10, "n_heads": 2, "d_head": 3, "d_mlp": 16}
NETWORKS = {
    "mainline": (TransformerConfig(**SIZES), SHAPE),
    "answers only": (TransformerConfig(**SIZES, output="answers", mlp_bias=False), NARROW),
    "every bias": (TransformerConfig(**SIZES, attention_bias=True, unembed_bias=True), SHAPE),
    "three layers, normalised": (
        TransformerConfig(**SIZES, n_layers=3, normalization="pre", normalization_eps=1e-3),
        SHAPE,
    ),
    "both ways, gelu": (TransformerConfig(**SIZES, causal=False, activation="gelu"), SHAPE),
    "tied, sinusoidal": (TransformerConfig(**SIZES, tied=True, positions="sinusoidal"), SHAPE),
    "published size": (TransformerConfig(), Shape(d_vocab=114, d_vocab_out=114, n_ctx=3)),
}


def version_of_lens():
    try:
        return int(importlib.metadata.version("transformer-lens").split(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return 0


needs_lens = pytest.mark.skipif(version_of_lens() < 4, reason="needs transformer-lens 4 or newer")


@pytest.fixture(params=sorted(NETWORKS))
def model(request):
    """A network with no weight at zero, in float64."""
    config, shape = NETWORKS[request.param]
    built = build_model(config, shape, seed=1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in built.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator, dtype=torch.float64) / 20)
    return built


def every_input(model):
    n = model.shape.d_vocab - 1
    pairs = torch.cartesian_prod(torch.arange(n), torch.arange(n))
    return torch.cat([pairs, torch.full((n * n, 1), n)], dim=1)


def test_the_file_is_read_back_as_the_same_network(model, tmp_path):
    path = tmp_path / "exported.safetensors"
    path.write_bytes(lens_file(model))
    again = load_checkpoint_file(path)
    torch.testing.assert_close(again.model(every_input(model)), model(every_input(model)), rtol=0, atol=1e-14)
    expected = model.config.model_copy(update={"tied": False, "positions": "learned", "init": "nanda2023"})
    eps = expected.normalization_eps if expected.normalization == "pre" else 1e-5
    assert again.model.config == expected.model_copy(update={"normalization_eps": eps})


def test_a_state_dict_shares_no_memory(model):
    before = model(every_input(model))
    state = lens_state_dict(model)
    memories = [tensor.untyped_storage().data_ptr() for tensor in state.values()]
    assert len(set(memories)) == len(memories)
    for tensor in state.values():
        if tensor.is_floating_point():
            tensor.fill_(7)
    assert torch.equal(model(every_input(model)), before)


@needs_lens
def test_a_bridge_has_the_same_logits(model):
    tokens = every_input(model)
    with torch.no_grad():
        torch.testing.assert_close(lens_bridge(model)(tokens), model(tokens), rtol=0, atol=1e-10)
        single = model.float()
        torch.testing.assert_close(lens_bridge(single)(tokens), single(tokens), rtol=0, atol=1e-5)


@needs_lens
def test_a_bridge_has_the_same_activations_and_weights(model):
    tokens = every_input(model)[:5]
    bridge = lens_bridge(model)
    _, theirs = bridge.run_with_cache(tokens)
    _, ours = model.run_with_cache(tokens)
    for layer in range(model.config.n_layers):
        for our_name, their_name in {
            "resid_pre": "hook_resid_pre",
            "attn.pattern": "attn.hook_pattern",
            "attn_out": "hook_attn_out",
            "mlp.post": "mlp.hook_post",
            "mlp_out": "hook_mlp_out",
            "resid_post": "hook_resid_post",
        }.items():
            expected = ours[f"blocks.{layer}.{our_name}"].detach()
            found = theirs[f"blocks.{layer}.{their_name}"].detach()
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert torch.equal(bridge.W_E, model.W_E)
    assert torch.equal(bridge.W_Q[0], model.get_parameter("blocks.0.attn.W_Q"))


@needs_lens
def test_what_a_bridge_saves_is_read_back(model, tmp_path):
    state = {name: tensor.detach().clone() for name, tensor in lens_bridge(model).state_dict().items()}
    path = tmp_path / "bridge.pt"
    torch.save({"model": state, "config": lens_config(model)}, path)
    loaded = load_checkpoint_file(path)
    assert (loaded.source, loaded.left_out) == ("transformer_lens", ())
    tokens = every_input(model)
    torch.testing.assert_close(loaded.model(tokens), model(tokens), rtol=0, atol=1e-14)


@needs_lens
def test_the_config_object_of_a_bridge_in_a_file_is_heeded_and_left_out(tmp_path):
    config, shape = NETWORKS["both ways, gelu"]
    built = build_model(config, shape, seed=1)
    bridge = lens_bridge(built)
    path = tmp_path / "bridge.pt"
    torch.save({"model": bridge.state_dict(), "config": bridge.cfg}, path)
    loaded = load_checkpoint_file(path)
    assert (loaded.model.config.activation, loaded.model.config.causal) == ("gelu", False)
    assert loaded.left_out[0].startswith("config: transformer_lens.config")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (TransformerConfig(**SIZES, activation="quadratic"), "no activation='quadratic', needs 'relu' or"),
        (TransformerConfig(**SIZES, normalization="post"), "no normalization='post', needs 'none' or 'pre'"),
        (TransformerConfig(**SIZES, softmax_share=0.0), r"no softmax_share=0\.0, needs 1\.0"),
        (TransformerConfig(**SIZES, smeared_keys=True), r"no smeared_keys=True, needs False"),
        (EmbeddingMLPConfig(), "has transformers only; got EmbeddingMLP"),
    ],
)
@pytest.mark.parametrize("export", [lens_bridge, lens_config, lens_file, lens_state_dict])
def test_a_part_that_transformer_lens_lacks_is_named(config, message, export):
    with pytest.raises(PhasescopeError, match=message):
        export(build_model(config, SHAPE, seed=0))


def test_without_transformer_lens_a_bridge_is_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformer_lens", None)
    monkeypatch.setitem(sys.modules, "transformer_lens.config", None)
    with pytest.raises(
        PhasescopeError, match=r"needs transformer-lens 4 .*; pip install 'phasescope\[lens\]'"
    ):
        lens_bridge(build_model(TransformerConfig(**SIZES), SHAPE, seed=0))
