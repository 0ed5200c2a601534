"""The kernel's product is torch's, in values and gradients, and every part of a job is done once."""

import threading

import pytest
import torch

from phasescope.models.kernel.build import build
from phasescope.models.kernel.crew import Crew
from phasescope.models.kernel.product import KernelProduct

compiled = pytest.mark.skipif(build().library is None, reason=build().how)

SHAPES = [
    ((7, 33), (33, 21)),
    ((1, 5), (3, 5, 1)),
    ((4, 29, 32), (4, 32, 80)),
    ((4, 2, 300), (300, 17)),
    ((40, 600), (2, 600, 70)),
]


@compiled
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_product_equals_torch_in_values_and_gradients(left, right, transposed, threads):
    generator = torch.Generator().manual_seed(0)

    def draw(shape):
        if transposed:
            return torch.randn(*shape[:-2], shape[-1], shape[-2], generator=generator, dtype=torch.float64).mT
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    product = KernelProduct(build().library, Crew(threads))
    found = {}
    a, b = draw(left), draw(right)
    for name, matmul in (("torch", torch.matmul), ("kernel", product)):
        mine = [x.clone(memory_format=torch.preserve_format).requires_grad_() for x in (a, b)]
        c = matmul(*mine)
        found[name] = (c.detach(), *torch.autograd.grad(c.tanh().sum(), mine))
        flat = matmul(*mine).sum()  # its gradient has strides of zero
        found[name] += torch.autograd.grad(flat, mine)
    for ours, theirs in zip(found["kernel"], found["torch"], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@compiled
def test_one_number_is_one_chain_of_fused_multiply_adds():
    """(1 + 2^-30)^2 - 1 keeps its last term, 2^-60, only if the product is not rounded before it is added."""
    a = torch.tensor([[1.0, 1 + 2.0**-30]], dtype=torch.float64)
    b = torch.tensor([[-1.0], [1 + 2.0**-30]], dtype=torch.float64)
    exact = 2.0**-29 + 2.0**-60
    for wide in (1, 40):
        found = KernelProduct(build().library, Crew())(a, b.expand(2, wide))
        assert found.tolist() == [[exact] * wide]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("n_parts", [0, 1, 2, 50])
def test_every_part_is_done_once(threads, n_parts):
    done, lock = [], threading.Lock()

    def do_part(part):
        with lock:
            done.append(part)

    Crew(threads).share_out(do_part, n_parts)
    assert sorted(done) == list(range(n_parts))


def test_a_part_that_fails_is_not_swallowed():
    def fail(part):
        raise ValueError(part)

    with pytest.raises(ValueError, match=r"[012]"):
        Crew(3).share_out(fail, 3)
