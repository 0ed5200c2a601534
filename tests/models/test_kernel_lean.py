"""The compiled lean pass is the plain float64 model: loss and gradients, any threads, any vectors."""

import itertools
import math

import pytest
import torch

from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.kernel.build import build
from phasescope.models.kernel.crew import Crew
from phasescope.models.kernel.lean import CompiledLeanForward
from phasescope.models.names import parameter_shapes
from phasescope.models.plain import PlainForward

pytestmark = pytest.mark.skipif(build().library is None, reason=build().how)

LAYOUTS = {"a b =": 1, "a b": 0, "a o b =": 2}
CASES = 80


def draw_case(number: int):
    """A network, its examples and its weights, drawn over moduli, layers, heads, widths and layouts."""
    generator = torch.Generator().manual_seed(number)

    def choose(options):
        return options[int(torch.randint(len(options), (), generator=generator))]

    p = choose([2, 3, 5, 8, 13, 23])
    layout = choose(sorted(LAYOUTS))
    n_layers = choose([1, 2, 2, 3])
    config = TransformerConfig(
        n_layers=n_layers,
        d_model=choose([16, 32, 80]),
        n_heads=choose([1, 2, 3, 4]),
        d_head=choose([16, 32]),
        d_mlp=choose([16, 48, 144]),
        normalization=choose(["pre", "post"] if n_layers == 1 else ["none", "pre", "post"]),
        normalization_eps=choose([1e-5, 0.1]),
        mlp_bias=False,
        positions=choose(["learned", "sinusoidal"]),
        softmax_share=choose([1.0, 1.0, 0.4, 0.0]),
        causal=choose([True, True, False]),
        tied=choose([False, False, True]),
    )
    fixed = {"=": p, "o": p + 1}
    pairs = itertools.product(range(p), repeat=2)
    tokens = torch.tensor([[{"a": a, "b": b, **fixed}[c] for c in layout.split()] for a, b in pairs])
    kept = max(1, int(choose([0.3, 0.5, 1.0]) * len(tokens)))
    tokens = tokens[torch.randint(len(tokens), (kept,), generator=generator)]  # some of them twice
    d_vocab = p + LAYOUTS[layout]
    answers = torch.randint(d_vocab, (kept,), generator=generator)
    shape = Shape(d_vocab=d_vocab, d_vocab_out=d_vocab, n_ctx=tokens.shape[1])
    scale = choose([0.5, 1.0, 3.0])
    weights = {
        name: scale * torch.randn(size, generator=generator, dtype=torch.float64) / max(size) ** 0.5
        for name, size in parameter_shapes(config, shape).items()
    }
    return config, shape, tokens, answers, weights


def differentiated(loss, logits, weights):
    loss.backward()
    return loss.detach(), logits.detach(), {name: w.grad for name, w in weights.items()}


def by_plain(config, shape, tokens, answers, weights, dtype=torch.float64):
    weights = {name: w.to(dtype, copy=True).requires_grad_() for name, w in weights.items()}
    logits = PlainForward(config, shape, tokens).answer(weights)
    return differentiated(torch.nn.functional.cross_entropy(logits, answers), logits, weights)


def by_kernel(config, shape, tokens, answers, weights, *, threads=1, vector_bytes=0, dtype=torch.float64):
    assert CompiledLeanForward.fits(config)
    weights = {name: w.to(dtype, copy=True).requires_grad_() for name, w in weights.items()}
    forward = CompiledLeanForward(config, shape, tokens, build(vector_bytes).library, Crew(threads))
    logits = forward.answer(weights)
    return differentiated(forward.kernel.cross_entropy(logits, answers), logits, weights)


def distances(found, expected):
    """How far loss, logits and every gradient are from what is expected, in parts of its size."""
    largest = max(float(gradient.norm()) for gradient in expected[2].values() if gradient is not None)
    pairs = {
        "loss": (found[0], expected[0], 1e-3),
        "logits": (found[1], expected[1], 1e-3),
        # a gradient that is nearly nothing (of a single key's score) is rounding of the others
        **{name: (found[2][name], gradient, 1e-3 * largest) for name, gradient in expected[2].items()},
    }
    return {
        name: float((ours - theirs).norm()) / max(float(theirs.norm()), least)
        if theirs is not None
        else float(0 if ours is None else ours.norm())  # the plain model does not read it
        for name, (ours, theirs, least) in pairs.items()
    }


def as_vectors(found, expected):
    """Logits, and all gradients, each as one vector."""
    gradients = [found[2][name].flatten() for name, gradient in expected[2].items() if gradient is not None]
    return found[1].double().flatten(), torch.cat(gradients).double()


def assert_same_bits(found, expected):
    assert found[0].equal(expected[0])
    assert found[1].equal(expected[1])
    for name, gradient in expected[2].items():
        assert gradient is None or found[2][name].equal(gradient), name


@pytest.mark.parametrize("number", range(CASES))
def test_kernel_equals_plain_in_values_and_gradients(number):
    case = draw_case(number)
    for name, distance in distances(by_kernel(*case), by_plain(*case)).items():
        assert distance <= 1e-10, name


@pytest.mark.parametrize("number", range(0, CASES, 4))
def test_float32_rounds_no_worse_than_the_plain_model(number):
    case = draw_case(number)
    exact, rounded = by_plain(*case), by_plain(*case, dtype=torch.float32)
    found = by_kernel(*case, dtype=torch.float32)
    for truth, plain, ours in zip(
        *(as_vectors(each, exact) for each in (exact, rounded, found)), strict=True
    ):
        assert (ours - truth).norm() <= 3 * (plain - truth).norm() + 1e-6 * truth.norm()


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("number", range(0, CASES, 8))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_narrower_and_wider_vectors_give_the_same_bits(number, vector_bytes, dtype):
    case = draw_case(number)
    found = by_kernel(*case, dtype=dtype, vector_bytes=vector_bytes)
    assert_same_bits(found, by_kernel(*case, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_threads_do_not_change_one_bit(dtype):
    case = next(c for c in map(draw_case, itertools.count()) if len(c[2]) > 500 and c[0].n_layers > 1)
    one = by_kernel(*case, dtype=dtype)
    for threads in (2, 3):
        assert_same_bits(by_kernel(*case, dtype=dtype, threads=threads), one)


@pytest.mark.parametrize("where", ["embed.W_E", "blocks.0.mlp.W_in", "blocks.1.attn.W_V", "blocks.1.ln2.w"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_shows_in_the_loss(where, value):
    config, shape, tokens, answers, weights = next(
        c
        for c in map(draw_case, itertools.count())
        if c[0].n_layers == 2 and c[0].normalization == "post" and c[0].softmax_share == 1
    )
    weights[where].view(-1)[:] = value
    loss, _, _ = by_kernel(config, shape, tokens, answers, weights)
    assert not torch.isfinite(loss)


@pytest.mark.parametrize(
    "change",
    [
        {"activation": "gelu"},
        {"d_mlp": 40},
        {"d_head": 8},
        {"mlp_bias": True},
        {"attention_bias": True},
        {"d_mlp": 0},
    ],
)
def test_what_it_does_not_know_it_refuses(change):
    known = TransformerConfig(n_layers=2, mlp_bias=False)
    assert CompiledLeanForward.fits(known)
    assert not CompiledLeanForward.fits(known.model_copy(update=change))
