"""The compiled kernel is the plain float64 model: same loss, same gradients, any width, any threads."""

import itertools
import math

import pytest
import torch

from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.folded import FoldedForward, Tables
from phasescope.models.kernel.binding import FoldedKernel
from phasescope.models.kernel.build import build
from phasescope.models.kernel.crew import Crew
from phasescope.models.kernel.product import KernelProduct
from phasescope.models.names import parameter_shapes
from phasescope.models.plain import PlainForward

pytestmark = pytest.mark.skipif(build().library is None, reason=build().how)

LAYOUTS = {"a b =": 1, "a b": 0, "a o b =": 2}


def draw_case(number: int):
    """A network, its examples and its weights, drawn over moduli, heads, widths, layouts and splits."""
    generator = torch.Generator().manual_seed(number)

    def choose(options):
        return options[int(torch.randint(len(options), (), generator=generator))]

    p = choose([2, 3, 5, 8, 13, 31])
    layout = choose(sorted(LAYOUTS))
    config = TransformerConfig(
        d_model=choose([8, 24, 33]),
        n_heads=choose([1, 2, 3, 4, 5, 8]),
        d_head=choose([3, 8]),
        d_mlp=choose([16, 48, 80]),
        mlp_bias=choose([True, False]),
        attention_bias=choose([True, False]),
        unembed_bias=choose([True, False]),
        softmax_share=choose([1.0, 1.0, 0.4, 0.0]),
        causal=choose([True, False]),
        output=choose(["vocabulary", "answers"]),
    )
    fixed = {"=": p, "o": p + 1}
    pairs = itertools.product(range(p), repeat=2)
    tokens = torch.tensor([[{"a": a, "b": b, **fixed}[c] for c in layout.split()] for a, b in pairs])
    kept = max(1, int(choose([0.3, 0.5, 1.0]) * len(tokens)))
    tokens = tokens[torch.randperm(len(tokens), generator=generator)[:kept]]
    answers = tokens[:, [i for i, c in enumerate(layout.split()) if c in "ab"]].sum(1) % p
    d_vocab = p + LAYOUTS[layout]
    d_vocab_out = p if config.output == "answers" else d_vocab
    shape = Shape(d_vocab=d_vocab, d_vocab_out=d_vocab_out, n_ctx=tokens.shape[1])
    scale = choose([0.5, 1.0, 3.0])
    weights = {
        name: (scale * torch.randn(size, generator=generator, dtype=torch.float64) / max(size) ** 0.5)
        for name, size in parameter_shapes(config, shape).items()
    }
    return config, shape, tokens, answers, weights


def by_plain(config, shape, tokens, answers, weights):
    """Loss of every example and gradients of their mean, by the plain model and torch's own loss."""
    weights = {name: w.clone().requires_grad_() for name, w in weights.items()}
    logits = PlainForward(config, shape, tokens).answer(weights)
    losses = torch.nn.functional.cross_entropy(logits, answers, reduction="none")
    losses.mean().backward()
    right = logits.argmax(1) == answers
    return losses.detach(), right, {name: w.grad for name, w in weights.items()}


def by_kernel(config, shape, tokens, answers, weights, *, threads=1, vector_bytes=0, dtype=torch.float64):
    weights = {name: w.to(dtype, copy=True).requires_grad_() for name, w in weights.items()}
    library, crew = build(vector_bytes).library, Crew(threads)
    folded = FoldedForward(config, shape, tokens, KernelProduct(library, crew))
    kernel = FoldedKernel(library, folded, answers, crew)
    tables = folded.tables(weights, kernel.columns(dtype))
    scored, gradients = kernel.differentiate(Tables(*(table.detach() for table in tables)))
    torch.autograd.backward(list(tables), list(gradients))
    alone = kernel.score(Tables(*(table.detach() for table in tables)))
    torch.testing.assert_close(alone.loss, scored.loss, rtol=0, atol=0, equal_nan=True)
    assert alone.right.equal(scored.right)
    return scored.loss, scored.right.bool(), {name: w.grad for name, w in weights.items()}


def assert_same(found, expected, tolerance):
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * 1e-2)
    for name, gradient in expected[2].items():
        if gradient is None:  # the plain model does not read it (attention without softmax)
            assert found[2][name] is None or not found[2][name].any(), name
            continue
        scale = max(float(gradient.norm()), 1e-3)
        assert float((found[2][name] - gradient).norm()) <= tolerance * scale, name


@pytest.mark.parametrize("number", range(200))
def test_kernel_equals_plain_in_values_and_gradients(number):
    case = draw_case(number)
    expected = by_plain(*case)
    assert_same(by_kernel(*case), expected, 1e-10)


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("number", range(0, 200, 20))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_narrower_and_wider_vectors_give_the_same_bits(number, vector_bytes, dtype):
    case = draw_case(number)
    native = by_kernel(*case, dtype=dtype)
    found = by_kernel(*case, dtype=dtype, vector_bytes=vector_bytes)
    assert found[0].equal(native[0])
    assert found[1].equal(native[1])
    assert all(found[2][name].equal(gradient) for name, gradient in native[2].items() if gradient is not None)


@pytest.mark.parametrize("number", range(0, 200, 10))
def test_float32_is_near(number):
    case = draw_case(number)
    loss, _, gradients = by_kernel(*case, dtype=torch.float32)
    expected = by_plain(*case)
    torch.testing.assert_close(loss, expected[0], rtol=1e-4, atol=1e-5)
    for name, gradient in expected[2].items():
        if gradient is not None:
            scale = max(float(gradient.norm()), 1e-2)
            assert float((gradients[name] - gradient).norm()) < 2e-3 * scale, name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_threads_do_not_change_one_bit(dtype):
    case = next(c for c in map(draw_case, itertools.count()) if len(c[2]) > 700)
    one = by_kernel(*case, dtype=dtype)
    for threads in (2, 3, 5):
        many = by_kernel(*case, dtype=dtype, threads=threads)
        assert many[0].equal(one[0])
        assert all(many[2][name].equal(gradient) for name, gradient in one[2].items() if gradient is not None)


@pytest.mark.parametrize("margin", [-40.0, -1.0, 0.0, 1.0, 10.0, 20.0, 30.0, 40.0])
def test_margins_up_to_forty_keep_their_digits(margin):
    """Through the bias of the unembedding alone: the loss is log(1 + 2 e^-margin), known on paper."""
    config = TransformerConfig(
        d_model=4, n_heads=1, d_head=2, d_mlp=16, unembed_bias=True, output="answers", attention_bias=False
    )
    shape = Shape(d_vocab=4, d_vocab_out=3, n_ctx=3)
    weights = {
        name: torch.zeros(size, dtype=torch.float64) for name, size in parameter_shapes(config, shape).items()
    }
    weights["unembed.b_U"] = torch.tensor([margin, 0.0, 0.0], dtype=torch.float64)
    tokens, answers = torch.tensor([[0, 0, 3]]), torch.tensor([0])
    for dtype in (torch.float64, torch.float32):
        loss, right, gradients = by_kernel(config, shape, tokens, answers, weights, dtype=dtype)
        others = 2 * math.exp(-margin)
        assert loss.item() == pytest.approx(math.log1p(others), rel=1e-14)
        assert bool(right[0]) == (margin >= 0)  # of equal logits the first counts, as in argmax
        exact = 1e-14 if dtype == torch.float64 else 1e-6
        assert gradients["unembed.b_U"][0].item() == pytest.approx(-others / (1 + others), rel=exact)
        assert gradients["unembed.b_U"][1].item() == pytest.approx(others / 2 / (1 + others), rel=exact)


@pytest.mark.parametrize("name", ["blocks.0.mlp.W_in", "blocks.0.attn.W_V", "unembed.W_U", "embed.W_E"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_shows_in_the_loss(name, value):
    config, shape, tokens, answers, weights = next(
        c for c in map(draw_case, itertools.count()) if c[0].softmax_share == 1 and len(c[2]) > 100
    )
    weights[name].view(-1)[0] = value
    loss, _, _ = by_kernel(config, shape, tokens, answers, weights)
    assert not torch.isfinite(loss).all()


def test_without_a_compiler_it_says_why(monkeypatch):
    build.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert build().library is None
    assert build().how == "no kernel: no C++ compiler found (c++, g++ or clang++)"
    build.cache_clear()
    monkeypatch.setenv("PHASESCOPE_KERNEL", "0")
    assert build().how == "no kernel: PHASESCOPE_KERNEL=0"
    build.cache_clear()


def test_a_compiler_that_fails_is_no_error(monkeypatch):
    build.cache_clear()
    monkeypatch.setenv("CXX", "false")
    assert build().library is None
    assert build().how.startswith("no kernel: false failed")
    build.cache_clear()


def test_a_cache_that_others_can_write_is_not_used(monkeypatch, tmp_path):
    build.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shared = tmp_path / "phasescope"
    shared.mkdir()
    shared.chmod(0o777)
    assert build().library is not None
    assert list(shared.iterdir()) == []
    build.cache_clear()
    shared.chmod(0o700)
    assert build().library is not None
    assert [path.suffix for path in shared.iterdir()] == [".so"]
    build.cache_clear()


def test_without_a_cache_it_is_compiled_for_this_process(monkeypatch, tmp_path):
    build.cache_clear()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert build().library is not None
    build.cache_clear()
