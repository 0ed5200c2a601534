"""State dicts in the layouts that other people save, drawn at random."""

import math

import pytest
import torch


@pytest.fixture
def draw():
    """Random numbers in float64, the same in every test."""
    generator = torch.Generator().manual_seed(0)
    return lambda *size: torch.randn(*size, generator=generator, dtype=torch.float64) / 2


@pytest.fixture
def authors_state(draw):
    """Make state dicts as nanda2023 and zhong2023 save them."""

    def make(n_layers=1, d=8, heads=2, d_head=3, d_mlp=16, vocab=6, n_ctx=3):
        state = {
            "embed.W_E": draw(d, vocab),
            "pos_embed.W_pos": draw(n_ctx, d),
            "unembed.W_U": draw(d, vocab),
        }
        for layer in range(n_layers):
            attn, mlp = f"blocks.{layer}.attn", f"blocks.{layer}.mlp"
            state |= {f"{attn}.W_{letter}": draw(heads, d_head, d) for letter in "KQV"}
            state |= {f"{attn}.W_O": draw(d, heads * d_head), f"{attn}.mask": torch.ones(n_ctx, n_ctx).tril()}
            state |= {f"{mlp}.W_in": draw(d_mlp, d), f"{mlp}.b_in": draw(d_mlp)}
            state |= {f"{mlp}.W_out": draw(d, d_mlp), f"{mlp}.b_out": draw(d)}
        return state

    return make


@pytest.fixture
def lens_state(draw):
    """Make state dicts as TransformerLens saves them: n + 1 tokens in, n answers out, zero biases."""

    def make(n=5, d=8, heads=2, d_head=3, d_mlp=16):
        attn, mlp = "blocks.0.attn", "blocks.0.mlp"
        return {
            "embed.W_E": draw(n + 1, d),
            "pos_embed.W_pos": draw(3, d),
            **{f"{attn}.W_{letter}": draw(heads, d, d_head) for letter in "QKV"},
            f"{attn}.W_O": draw(heads, d_head, d),
            **{f"{attn}.b_{letter}": torch.zeros(heads, d_head) for letter in "QKV"},
            f"{attn}.b_O": torch.zeros(d),
            f"{attn}.mask": torch.ones(3, 3, dtype=torch.bool).tril(),
            f"{attn}.IGNORE": torch.tensor(-math.inf),
            f"{mlp}.W_in": draw(d, d_mlp),
            f"{mlp}.b_in": torch.zeros(d_mlp),
            f"{mlp}.W_out": draw(d_mlp, d),
            f"{mlp}.b_out": torch.zeros(d),
            "unembed.W_U": draw(d, n),
            "unembed.b_U": torch.zeros(n),
        }

    return make
