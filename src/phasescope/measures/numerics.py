"""Where training meets the limits of its arithmetic: margins, collapsed softmax, scaling up for its own sake.

All are read on the pairs trained on and over every output, because that is what the gradient is made of.
"""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from phasescope.measures.context import Context
from phasescope.measures.cross_entropy import cross_entropies
from phasescope.measures.record import measured
from phasescope.models.answer import answer_forward


@measured("mean margin", unit="logits", references=("prieto2025",), in_series=True)
def margin_mean(context: Context) -> float:
    """Mean over training pairs of the answer's logit less the largest other logit."""
    return float(_margins(context).mean())


@measured("smallest margin", unit="logits", references=("morwani2023",), in_series=True)
def margin_min(context: Context) -> float:
    """Smallest margin of a training pair; above zero if and only if all are right."""
    return float(_margins(context).min())


@measured("largest margin", unit="logits", references=("prieto2025",), in_series=True)
def margin_max(context: Context) -> float:
    """Largest margin of a training pair; its gradient is the first that rounding takes away."""
    return float(_margins(context).max())


@measured("softmax collapse", range=(0.0, 1.0), direction="lower", references=("prieto2025",), in_series=True)
def softmax_collapse_fraction(context: Context) -> float:
    """Part of the training pairs whose softmax rounds to one term, in the dtype of the run's loss.

    The sum of exp(L - max L) is exactly 1 there: the pair's loss and the gradient of its answer's logit are
    zero, however wrong the other logits may be.
    """
    return _collapsed(context, context.loss_dtype)


@measured("softmax collapse in float32", range=(0.0, 1.0), direction="lower", references=("prieto2025",))
def softmax_collapse_fraction_float32(context: Context) -> float:
    """Part of the training pairs whose softmax would collapse if the loss were taken in float32."""
    return _collapsed(context, torch.float32)


@measured("cos(-∇, w)", range=(-1.0, 1.0), per="tensor", references=("prieto2025",))
def naive_loss_minimisation_cosine(context: Context) -> dict[str, float]:
    """Cosine between each tensor and minus its gradient of the train loss; "all" takes every tensor.

    Near 1, descent only scales the weights up. A tensor that is zero, or has no gradient, has no cosine.
    """
    inputs = context.inputs
    weights = {name: weight.clone().requires_grad_() for name, weight in context.weights.items()}
    plan = answer_forward(context.model.config, context.model.shape, inputs.tokens[inputs.train])
    with torch.enable_grad():
        loss = cross_entropies(plan.answer(weights), inputs.answers[inputs.train]).mean()
        slopes = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
    products = {
        name: ((-slope * weight).sum().item(), slope.norm().item(), weight.norm().item())
        for (name, weight), slope in zip(weights.items(), slopes, strict=True)
    }
    inner, of_slope, of_weight = zip(*products.values(), strict=True)
    products["all"] = (sum(inner), math.hypot(*of_slope), math.hypot(*of_weight))
    return {name: dot / (slope * weight) for name, (dot, slope, weight) in products.items() if slope * weight}


def _margins(context: Context) -> Float64[Tensor, " train"]:
    logits, right = _train_logits(context), context.inputs.answers[context.inputs.train][:, None]
    others = logits.scatter(1, right, -math.inf).amax(1)
    return logits.gather(1, right)[:, 0] - others


def _collapsed(context: Context, dtype: torch.dtype) -> float:
    logits = _train_logits(context).to(dtype)
    total = (logits - logits.amax(1, keepdim=True)).exp().sum(1)
    return float((total == 1).double().mean())


def _train_logits(context: Context) -> Float64[Tensor, "train d_vocab_out"]:
    return context.logits_with_equals[context.inputs.train]
