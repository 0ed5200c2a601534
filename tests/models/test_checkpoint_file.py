"""Files of every layout the house reads give the logits of their authors' own formulas."""

import json
import math

import pytest
import torch
from safetensors.torch import save_file

from phasescope.models.build import build_model
from phasescope.models.checkpoint_file import load_checkpoint_file, model_metadata
from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig
from phasescope.store.sealed import Snapshot, seal


def authors_logits(state, tokens, alpha=None):
    """The authors' einsums; causal without alpha, mixed with a constant and not causal with it."""
    x = torch.einsum("dbp->bpd", state["embed.W_E"][:, tokens]) + state["pos_embed.W_pos"]
    for layer in range(len([name for name in state if name.endswith("W_K")])):
        w = {name.split(".")[-1]: value for name, value in state.items() if f"blocks.{layer}." in name}
        k, q, v = (torch.einsum("ihd,bpd->biph", w[f"W_{letter}"], x) for letter in "KQV")
        scores = torch.einsum("biph,biqh->biqp", k, q)
        if alpha is None:
            scores = scores.tril() - 1e10 * (1 - w["mask"])
            pattern = torch.softmax(scores / math.sqrt(k.shape[-1]), dim=-1)
        else:
            pattern = torch.softmax(scores / math.sqrt(k.shape[-1]), dim=-1) * alpha + (1 - alpha)
        z = torch.einsum("biph,biqp->biqh", v, pattern)
        x = x + torch.einsum("df,bqf->bqd", w["W_O"], z.transpose(1, 2).flatten(2))
        hidden = torch.relu(torch.einsum("md,bpd->bpm", w["W_in"], x) + w["b_in"])
        x = x + torch.einsum("dm,bpm->bpd", w["W_out"], hidden) + w["b_out"]
    return x @ state["unembed.W_U"]


def in_authors_layout(lens):
    """Turn a state dict of TransformerLens into one of nanda2023, so that the same einsums judge it."""
    turned = {}
    for name, value in lens.items():
        leaf = name.split(".")[-1]
        if leaf == "W_O":
            turned[name] = torch.cat(list(value)).T
        elif leaf in ("W_E", "W_K", "W_Q", "W_V", "W_in", "W_out"):
            turned[name] = value.transpose(-1, -2)
        else:
            turned[name] = value.double()
    return turned


def every_input(n, n_ctx):
    pairs = torch.cartesian_prod(torch.arange(n), torch.arange(n))
    return pairs if n_ctx == 2 else torch.cat([pairs, torch.full((n * n, 1), n)], dim=1)


def assert_same(model, tokens, expected):
    torch.testing.assert_close(model(tokens), expected, rtol=1e-12, atol=1e-12)


def saved(state, path):
    torch.save(state, path)
    return path


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_a_network_of_nanda2023(authors_state, tmp_path, wrapped, n_layers):
    state = authors_state(n_layers)
    content = {"model": state, "train_losses": [4.7, 4.6], "epoch": 400} if wrapped else state
    loaded = load_checkpoint_file(saved(content, tmp_path / "run.pth"))
    tokens = every_input(5, 3)
    assert_same(loaded.model, tokens, authors_logits(state, tokens))
    assert (loaded.source, loaded.step) == ("nanda2023", 400 if wrapped else None)
    assert loaded.skipped == tuple(f"blocks.{layer}.attn.mask" for layer in range(n_layers))
    assert loaded.model.config.mlp_bias


@pytest.mark.parametrize("n_ctx", [2, 3])
@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_a_network_of_zhong2023_with_its_config_beside_it(authors_state, tmp_path, n_ctx, alpha):
    state = authors_state(n_layers=2, n_ctx=n_ctx)
    (tmp_path / "config_abc.json").write_text(json.dumps({"attn_coeff": alpha, "act_fn": "ReLU", "C": 5}))
    loaded = load_checkpoint_file(saved(state, tmp_path / "model_abc.pt"))
    tokens = every_input(5, n_ctx)
    assert_same(loaded.model, tokens, authors_logits(state, tokens, alpha))
    assert loaded.source == "zhong2023"
    assert (loaded.model.config.softmax_share, loaded.model.config.causal) == (alpha, False)


@pytest.mark.parametrize("aliased", [True, False])
def test_a_transformer_of_chughtai2023_or_transformer_lens(lens_state, tmp_path, aliased):
    state = lens_state()
    if aliased:
        state |= {"x_embed": state["embed.W_E"], "y_embed": state["embed.W_E"][:-1]}
    loaded = load_checkpoint_file(saved(state, tmp_path / "model.pt"))
    tokens = every_input(5, 3)
    assert_same(loaded.model, tokens, authors_logits(in_authors_layout(state), tokens))
    assert loaded.source == ("chughtai2023" if aliased else "transformer_lens")
    assert not loaded.model.config.mlp_bias
    assert not loaded.model.config.attention_bias
    assert {"unembed.b_U", "blocks.0.attn.IGNORE", "blocks.0.attn.b_O"} <= set(loaded.skipped)


def test_an_mlp_of_chughtai2023(draw, tmp_path):
    state = {"W_x": draw(5, 3), "W_y": draw(5, 3), "W": draw(6, 4), "W_U": draw(4, 5)}
    loaded = load_checkpoint_file(saved(state, tmp_path / "model.pt"))
    a, b = every_input(5, 2).T
    stacked = torch.hstack((state["W_x"][a], state["W_y"][b]))
    expected = torch.relu(stacked @ state["W"]) @ state["W_U"]
    torch.testing.assert_close(
        loaded.model.answer_logits(every_input(5, 2)), expected, rtol=1e-12, atol=1e-12
    )
    assert loaded.source == "chughtai2023"


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"attention_bias": True, "unembed_bias": True, "init": "torch"},
        {"normalization": "pre", "n_layers": 3},
    ],
)
def test_a_plain_state_dict_under_the_names_of_the_house(tmp_path, suffix, options):
    config = TransformerConfig(d_model=8, n_heads=2, d_head=3, d_mlp=16, **options)
    model = build_model(config, Shape(d_vocab=6, d_vocab_out=6, n_ctx=3), seed=0)
    if config.mlp_bias:
        with torch.no_grad():
            model.get_parameter("blocks.0.mlp.b_in").add_(1)
    path = tmp_path / f"plain{suffix}"
    if suffix == ".pt":
        torch.save(model.state_dict(), path)
    else:
        save_file(model.state_dict(), path)
    loaded = load_checkpoint_file(path)
    assert torch.equal(loaded.model(every_input(5, 3)), model(every_input(5, 3)))
    assert loaded.skipped == ()


@pytest.mark.parametrize(
    "config",
    [
        TransformerConfig(
            d_model=8, n_heads=2, d_head=3, d_mlp=16, activation="gelu", softmax_share=0.5, tied=True
        ),
        EmbeddingMLPConfig(d_embed=4, d_hidden=4, combine="sum", activation="quadratic"),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sealed_checkpoint_of_ours_comes_back_as_it_was(tmp_path, config, dtype):
    model = build_model(config, Shape(d_vocab=6, d_vocab_out=6, n_ctx=3), seed=0, dtype=dtype)
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    path = tmp_path / "000000300.safetensors"
    path.write_bytes(seal(Snapshot("checkpoint", 300, tensors, model_metadata(config, model.shape))))
    loaded = load_checkpoint_file(path)
    assert (loaded.step, loaded.source, loaded.model.config) == (300, "phasescope", config)
    assert torch.equal(loaded.model(every_input(5, 3)), model(every_input(5, 3)))


def test_the_published_network_of_zhong2023_is_always_right(model_a):
    loaded = load_checkpoint_file(model_a)
    pairs = every_input(59, 2)
    assert torch.equal(loaded.model.answer_logits(pairs).argmax(-1), pairs.sum(1) % 59)
    state = torch.load(model_a, map_location="cpu", weights_only=True)
    double = {name: value.double() for name, value in state.items()}
    assert_same(loaded.model.double(), pairs, authors_logits(double, pairs, alpha=0))


def in_bridge_layout(lens):
    """Turn a state dict of TransformerLens 3 into one of 4: torch's own linear layers."""
    turned = {}
    for name, value in lens.items():
        *path, leaf = name.split(".")
        if leaf in ("mask", "IGNORE"):
            continue
        kind, _, which = leaf.partition("_")
        if which in ("Q", "K", "V"):
            value = value.flatten(0, -2) if kind == "b" else value.mT.flatten(0, 1)
            value = value.flatten() if kind == "b" else value
        elif leaf == "W_O":
            value = value.flatten(0, 1).T
        elif leaf in ("W_in", "W_out", "W_U"):
            value = value.T
        inner = [which.lower()] if which in ("Q", "K", "V", "O", "in", "out") else []
        turned[".".join([*path, *inner, "weight" if kind in ("W", "w") else "bias"])] = value.contiguous()
    return turned


@pytest.mark.parametrize(
    "options",
    [
        {"mlp_bias": False},
        {
            "attention_bias": True,
            "unembed_bias": True,
            "init": "torch",
            "activation": "gelu",
            "causal": False,
        },
        {"normalization": "pre", "n_layers": 3, "normalization_eps": 1e-3},
    ],
)
def test_the_weights_of_a_transformer_bridge_with_a_config(tmp_path, options):
    config = TransformerConfig(d_model=8, n_heads=2, d_head=3, d_mlp=16, **options)
    model = build_model(config, Shape(d_vocab=6, d_vocab_out=6, n_ctx=3), seed=0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01)
    facts = {
        "n_heads": 2,
        "d_head": 3,
        "act_fn": config.activation,
        "attention_dir": "causal" if config.causal else "bidirectional",
        "eps": config.normalization_eps,
        "normalization_type": "LN" if config.normalization == "pre" else None,
        "dtype": torch.float32,
    }
    path = tmp_path / "four.pt"
    torch.save({"model": in_bridge_layout(model.state_dict()), "config": facts}, path)
    loaded = load_checkpoint_file(path)
    assert loaded.model.config == config.model_copy(update={"init": "nanda2023"})
    assert torch.equal(loaded.model(every_input(5, 3)), model(every_input(5, 3)))
    as_safetensors = {key: value for key, value in facts.items() if key != "dtype"}
    save_file(
        in_bridge_layout(model.state_dict()),
        tmp_path / "four.safetensors",
        metadata={"config": json.dumps(as_safetensors)},
    )
    again = load_checkpoint_file(tmp_path / "four.safetensors")
    assert torch.equal(again.model(every_input(5, 3)), model(every_input(5, 3)))


class HookedTransformerConfig:
    """Pickles as the demo's config does, by name and attributes; cannot be made again."""

    def __init__(self, **facts):
        self.__dict__.update(facts)

    def __setstate__(self, state):
        raise AssertionError("the config was made")


def test_a_config_that_is_a_strangers_object_is_heeded_and_never_made(lens_state, tmp_path):
    config = HookedTransformerConfig(act_fn="gelu", attention_dir="bidirectional", seed=999)
    loaded = load_checkpoint_file(saved({"model": lens_state(), "config": config}, tmp_path / "demo.pth"))
    assert (loaded.model.config.activation, loaded.model.config.causal) == ("gelu", False)
    assert [left.rpartition(".")[2] for left in loaded.left_out] == ["HookedTransformerConfig"]
    assert loaded.left_out[0].startswith("config: ")
