"""The fast cross-entropy is torch's, and keeps its digits where torch's float32 has none left."""

import math

import pytest
import torch
from torch.nn import functional

from phasescope.training.loss import cross_entropy


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradient_are_torchs_in_float64(dtype):
    generator = torch.Generator().manual_seed(0)
    logits = (10 * torch.randn(200, 17, generator=generator)).to(dtype).requires_grad_()
    answers = torch.randint(0, 17, (200,), generator=generator)
    mine = cross_entropy(logits, answers)
    theirs = functional.cross_entropy(logits.double(), answers)
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-13)
    (g_mine,) = torch.autograd.grad(mine, logits)
    (g_theirs,) = torch.autograd.grad(theirs, logits)
    torch.testing.assert_close(g_mine, g_theirs, rtol=2e-6 if dtype == torch.float32 else 1e-12, atol=1e-18)


def test_logits_are_left_alone():
    logits = torch.randn(5, 4, dtype=torch.float64)
    before = logits.clone()
    cross_entropy(logits, torch.zeros(5, dtype=torch.int64))
    assert torch.equal(logits, before)


@pytest.mark.parametrize("margin", [1.0, 12.5, 25.0, 40.0])
def test_margins_up_to_forty_keep_every_digit(margin):
    p = 113
    logits = torch.zeros(3, p, dtype=torch.float32)
    logits[:, 5] = margin
    logits.requires_grad_()
    loss = cross_entropy(logits, torch.full((3,), 5))
    expected = math.log1p((p - 1) * math.exp(-margin))
    assert loss.item() == pytest.approx(expected, rel=1e-13)
    (gradient,) = torch.autograd.grad(loss, logits)
    share = math.exp(-margin) / (1 + (p - 1) * math.exp(-margin))
    assert gradient[0, 0].item() == pytest.approx(share / 3, rel=1e-6)
    assert gradient[0, 5].item() == pytest.approx(-(p - 1) * share / 3, rel=1e-6)


def test_gradient_sums_to_zero_in_float64_where_float32_does_not():
    logits = torch.zeros(1, 113, dtype=torch.float64)
    logits[0, 0] = 25.0
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(logits, torch.tensor([0])), logits)
    assert abs(gradient.sum().item()) < 1e-12
    collapsed = functional.cross_entropy(logits.float(), torch.tensor([0]))
    assert collapsed.item() == 0.0  # what the float64 loss is for


def test_a_batch_of_copies_has_the_loss_of_one():
    logits = torch.randn(1, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    one = cross_entropy(logits, torch.tensor([2])).item()
    many = cross_entropy(logits.repeat(64, 1), torch.full((64,), 2)).item()
    assert many == pytest.approx(one, rel=2**-52)
