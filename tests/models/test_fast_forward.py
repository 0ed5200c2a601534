"""The fast forward passes are the plain one: same function, same gradients, to float64 rounding."""

import itertools

import pytest
import torch

from phasescope.models import lean
from phasescope.models.answer import answer_forward
from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig
from phasescope.models.names import parameter_shapes
from phasescope.models.plain import PlainForward
from phasescope.models.row_sum import RowSum

SMALL = {"d_model": 12, "n_heads": 3, "d_head": 5, "d_mlp": 20}
CASES = [
    ("mainline", "a b =", TransformerConfig(**SMALL)),
    ("biases", "a b =", TransformerConfig(**SMALL, attention_bias=True, unembed_bias=True)),
    ("no biases, tied", "a b =", TransformerConfig(**SMALL, mlp_bias=False, tied=True)),
    ("answers only", "a b =", TransformerConfig(**SMALL, output="answers", activation="gelu")),
    ("zhong", "a b", TransformerConfig(**SMALL, causal=False, output="answers")),
    ("pizza", "a b", TransformerConfig(**SMALL, causal=False, softmax_share=0.0, activation="absolute")),
    ("half attention", "a b =", TransformerConfig(**SMALL, softmax_share=0.3, activation="quadratic")),
    ("operation token", "a o b =", TransformerConfig(**SMALL, positions="sinusoidal")),
    ("pre-norm", "a b =", TransformerConfig(**SMALL, normalization="pre", attention_bias=True)),
    ("post-norm", "a o b =", TransformerConfig(**SMALL, normalization="post")),
    ("two layers", "a b =", TransformerConfig(**SMALL, n_layers=2)),
    ("two layers, zhong", "a b", TransformerConfig(**SMALL, n_layers=2, causal=False, softmax_share=0.5)),
    ("power", "a o b =", TransformerConfig(**SMALL, n_layers=2, normalization="post", mlp_bias=False)),
    ("three layers, pre-norm", "a b =", TransformerConfig(**SMALL, n_layers=3, normalization="pre")),
    ("concat mlp", "a b", EmbeddingMLPConfig(d_embed=7, d_hidden=11)),
    ("sum mlp, tied", "a b =", EmbeddingMLPConfig(d_embed=9, d_hidden=9, combine="sum", tied=True)),
]


def every_input(layout: str, p: int) -> torch.Tensor:
    fixed = {"=": p, "o": p + 1}
    pairs = itertools.product(range(p), repeat=2)
    return torch.tensor([[{"a": a, "b": b, **fixed}[c] for c in layout.split()] for a, b in pairs])


@pytest.mark.parametrize("n_layers", [1, 2])
def test_smeared_keys_take_the_plain_path(n_layers):
    config = TransformerConfig(**SMALL, n_layers=n_layers, smeared_keys=True)
    shape = Shape(d_vocab=6, d_vocab_out=6, n_ctx=3)
    assert answer_forward(config, shape, every_input("a b =", 5)).name == "plain"


@pytest.mark.parametrize(("layout", "config"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("p", [5, 8])
def test_fast_equals_plain_in_values_and_gradients(layout, config, p):
    generator = torch.Generator().manual_seed(p)
    tokens = every_input(layout, p)
    tokens = tokens[torch.randperm(len(tokens), generator=generator)[: p * p // 2 + 1]]
    d_vocab = p + len(layout.split()) - 2
    answers_only = isinstance(config, TransformerConfig) and config.output == "answers"
    shape = Shape(d_vocab=d_vocab, d_vocab_out=p if answers_only else d_vocab, n_ctx=tokens.shape[1])
    draw = {"generator": generator, "dtype": torch.float64}
    parameters = {
        name: torch.randn(size, **draw).div_(max(size) ** 0.5).requires_grad_()
        for name, size in parameter_shapes(config, shape).items()
    }
    fast, plain = answer_forward(config, shape, tokens), PlainForward(config, shape, tokens)
    assert fast.name in ("folded", "lean")

    expected = plain.answer(parameters)
    found = fast.answer(parameters)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)

    weights = torch.randn(expected.shape, **draw)
    gradients = {}
    for name, logits in (("plain", expected), ("fast", found)):
        # a curved function of the logits, so that errors cannot cancel
        loss = (weights * logits.log_softmax(-1)).sum()
        gradients[name] = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    for name, mine, theirs in zip(parameters, gradients["fast"], gradients["plain"], strict=True):
        if theirs is None:
            assert mine is None or not mine.any(), name
        else:
            assert torch.linalg.norm(mine - theirs) <= 1e-10 * torch.linalg.norm(theirs) + 1e-13, name

    recorded = plain.activations(parameters)
    for name, value in fast.activations(parameters).items():
        if name in recorded:
            torch.testing.assert_close(value, recorded[name], rtol=1e-10, atol=1e-12)


def test_row_sum_is_the_sum_it_says_with_its_gradients():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 6, (40, 3), generator=generator)  # row 6 is never read
    table = torch.randn(7, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(40, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    plan = RowSum(rows, n_rows=7)
    torch.testing.assert_close(plan(table, weights), (weights[..., None] * table[rows]).sum(1))
    assert torch.autograd.gradcheck(plan, (table, weights))


def test_float32_agrees_between_numbers_of_threads():
    config = TransformerConfig()
    shape = Shape(d_vocab=60, d_vocab_out=60, n_ctx=3)
    generator = torch.Generator().manual_seed(1)
    parameters = {
        name: torch.randn(size, generator=generator).div_(11.3).requires_grad_()
        for name, size in parameter_shapes(config, shape).items()
    }
    forward = answer_forward(config, shape, every_input("a b =", 59)[::2])
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        logits = forward.answer(parameters)
        results.append(
            [logits.detach(), *torch.autograd.grad(logits.square().mean(), list(parameters.values()))]
        )
    torch.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("longest", [1 << 24, 0])
def test_distinct_rows_are_numbered_alike_with_a_table_and_by_sorting(monkeypatch, longest):
    monkeypatch.setattr(lean, "_LONGEST_TABLE", longest)
    tokens = torch.randint(5, (200, 3), generator=torch.Generator().manual_seed(0)) * 1_000
    contents = lean.runs(tokens)
    rows = lean.distinct_rows(contents)
    for length, place in enumerate(rows.place, start=1):
        seen = tokens[:, :length]
        _, expected = torch.unique(seen, dim=0, return_inverse=True)
        assert len(expected.unique()) == len(set(place))
        assert all(len(set(place[expected == run])) == 1 for run in expected.unique())
        assert torch.equal(seen[rows.example[place]], seen)
        assert (rows.position[place] == length - 1).all()
