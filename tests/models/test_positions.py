"""Positions of every kind, against their formulas and their geometry."""

import itertools
import math

import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.models.answer import answer_forward
from phasescope.models.build import build_model
from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.lens_export import lens_state_dict
from phasescope.models.positions import rotated, sinusoidal_positions
from phasescope.training.objective import kernel_of
from phasescope.training.presets import nanda2023

SHAPE = Shape(d_vocab=7, d_vocab_out=7, n_ctx=9)
CONFIG = TransformerConfig(n_layers=2, d_model=12, n_heads=2, d_head=6, d_mlp=0)


def network(positions, **options):
    config = CONFIG.model_copy(update={"positions": positions, **options})
    return build_model(config, SHAPE, seed=1, dtype=torch.float64)


def test_every_entry_is_the_formula_of_vaswani():
    rows = sinusoidal_positions(7, 10)
    for pos in range(7):
        for i in range(5):
            angle = pos / 10_000 ** (2 * i / 10)
            assert abs(float(rows[pos, 2 * i]) - math.sin(angle)) < 1e-15
            assert abs(float(rows[pos, 2 * i + 1]) - math.cos(angle)) < 1e-15


def test_the_product_of_two_rows_depends_on_their_distance_alone():
    rows = sinusoidal_positions(9, 16)
    products = rows @ rows.T
    for distance in range(9):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(products.diagonal(), torch.full((9,), 8.0, dtype=torch.float64))


def test_rotation_is_that_of_a_loop():
    x = torch.randn(2, 5, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turned = rotated(x)
    for row, pos, head, pair in itertools.product(range(2), range(5), range(3), range(3)):
        angle = pos / 10_000 ** (2 * pair / 6)
        a, b = x[row, pos, head, 2 * pair : 2 * pair + 2].tolist()
        expected = (a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle))
        assert turned[row, pos, head, 2 * pair : 2 * pair + 2].tolist() == pytest.approx(expected)


def test_rotary_scores_depend_on_distance_and_tokens_alone():
    """One token everywhere: in the first layer the score of a query and a key is a function of distance."""
    model = network("rotary")
    _, cache = model.run_with_cache(torch.full((1, 9), 3), ["blocks.0.attn.scores"])
    for head in cache["blocks.0.attn.scores"][0]:
        for distance in range(9):
            along = head.diagonal(-distance)
            torch.testing.assert_close(along, along[:1].expand_as(along))
        assert head[0, 0].item() != pytest.approx(head[3, 0].item())


def test_a_shortformer_keeps_positions_out_of_the_residual_stream():
    """Values and the residual stream see the token alone; queries and keys of every layer see its place."""
    model = network("shortformer")
    _, cache = model.run_with_cache(torch.full((1, 9), 3))
    assert "pos_embed" in cache
    for name in ("blocks.0.resid_pre", "blocks.0.attn.v", "blocks.1.resid_pre", "blocks.1.attn.v"):
        first = cache[name][:, :1]
        torch.testing.assert_close(cache[name], first.expand_as(cache[name]), msg=name)
    for layer in (0, 1):  # every layer is told again
        queries = cache[f"blocks.{layer}.attn.q"]
        assert (queries[:, 1:] - queries[:, :1]).abs().max() > 0.1
    W_pos, W_Q = model.get_parameter("pos_embed.W_pos"), model.get_parameter("blocks.0.attn.W_Q")
    added = torch.einsum("pd,hde->phe", W_pos[1:] - W_pos[:1], W_Q)
    torch.testing.assert_close(cache["blocks.0.attn.q"][0, 1:] - cache["blocks.0.attn.q"][0, :1], added)


@pytest.mark.parametrize("positions", ["rotary", "shortformer"])
def test_what_computes_by_hand_leaves_such_networks_to_the_plain_pass(positions):
    config = CONFIG.model_copy(update={"positions": positions, "n_layers": 1, "d_mlp": 8})
    model = build_model(config, SHAPE, seed=0, dtype=torch.float64)
    tokens = torch.randint(7, (20, 9), generator=torch.Generator().manual_seed(0))
    forward = answer_forward(config, SHAPE, tokens)
    assert forward.name == "plain"
    answers = forward.answer(dict(model.named_parameters()))
    torch.testing.assert_close(answers, model(tokens)[:, -1])
    recipe = nanda2023()
    told = recipe.model.model_copy(update={"positions": positions})
    shape = Shape(d_vocab=114, d_vocab_out=114, n_ctx=3)
    assert kernel_of(recipe, shape) == "folded"
    assert kernel_of(recipe.model_copy(update={"model": told}), shape) is None
    with pytest.raises(PhasescopeError, match=f"positions that are added .* got positions='{positions}'"):
        lens_state_dict(model)
