"""What a step minimises: the mean cross-entropy of some examples, as a function of the weights.

Two ways to the same numbers: torch's operations, for every model, and the compiled kernel, for the
networks it knows. The trainer does not ask which.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from phasescope.models.answer import AnswerForward, answer_forward
from phasescope.models.asked import AskedForward
from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig
from phasescope.models.folded import FoldedForward, Tables
from phasescope.models.kernel.binding import FoldedKernel
from phasescope.models.kernel.build import build
from phasescope.models.kernel.crew import Crew
from phasescope.models.kernel.product import KernelProduct
from phasescope.tasks.split import SplitConfig
from phasescope.training.loss import cross_entropy
from phasescope.training.machine import cores
from phasescope.training.recipe import Recipe
from phasescope.training.stablemax import stablemax_cross_entropy


class Look(NamedTuple):
    """What the examples say of the weights.

    Args:
        loss: Mean cross-entropy, in nats.
        accuracy: Share of examples whose largest logit is the answer's.
    """

    loss: float
    accuracy: float


@runtime_checkable
class Objective(Protocol):
    """The mean cross-entropy of fixed examples."""

    name: str

    def loss(self, weights: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """Return the loss, in nats; differentiable in the weights."""

    def look(self, weights: Mapping[str, Tensor]) -> Look:
        """Return loss and accuracy."""


def objective(
    recipe: Recipe, shape: Shape, tokens: Int64[Tensor, "example pos"], answers: Int64[Tensor, "example ..."]
) -> Objective:
    """Choose the fastest exact way to the loss of these examples.

    The kernel takes the full batch of a one-layer transformer without layer norm, with ReLU and a float64
    loss, where there is a compiler; everything else is torch's.

    Args:
        recipe: Names the model, the loss and what it wants (``forward``).
        shape: The model's vocabulary and context length.
        tokens: The inputs.
        answers: Their right outputs: one per example, or one per position and -1 where none is asked.

    Example:
        >>> from phasescope.training.presets import nanda2023
        >>> recipe = nanda2023(seed=0).model_copy(update={"forward": "torch"})
        >>> shape = Shape(d_vocab=114, d_vocab_out=114, n_ctx=3)
        >>> objective(recipe, shape, torch.tensor([[1, 2, 113]]), torch.tensor([3])).name
        'folded'
    """
    if answers.ndim == 2:
        assert isinstance(recipe.model, TransformerConfig), "the recipe has seen to it"
        asked = answers >= 0
        questions = AskedForward(recipe.model, tokens, asked)
        return TorchObjective(questions, answers[asked], getattr(torch, recipe.loss_dtype))
    if kernel_applies(recipe, shape):
        library = build().library
        if library is not None:
            assert isinstance(recipe.model, TransformerConfig)
            return KernelObjective(library, recipe.model, shape, tokens, answers, recipe.threads or cores())
    forward = answer_forward(recipe.model, shape, tokens, "plain" if recipe.forward == "plain" else "auto")
    return TorchObjective(forward, answers, getattr(torch, recipe.loss_dtype), recipe.loss)


def kernel_applies(recipe: Recipe, shape: Shape) -> bool:
    """Say whether the compiled kernel is wanted and knows this network; there may still be no compiler."""
    model: TransformerConfig | EmbeddingMLPConfig = recipe.model
    return (
        recipe.forward == "auto"
        and isinstance(recipe.split, SplitConfig)
        and recipe.batch_size is None
        and isinstance(model, TransformerConfig)
        and model.d_mlp > 0
        and model.is_local
        and (model.n_layers, model.normalization, model.activation) == (1, "none", "relu")
        and (recipe.loss, recipe.loss_dtype) == ("cross_entropy", "float64")
        and FoldedKernel.fits(model.d_mlp, shape.d_vocab_out)
    )


class TorchObjective:
    """The loss by torch's operations.

    Args:
        forward: The logits at the answer position.
        answers: The right outputs.
        dtype: Precision of the loss.
        loss: Which loss, as a recipe names it.
    """

    def __init__(
        self,
        forward: AnswerForward,
        answers: Int64[Tensor, " example"],
        dtype: torch.dtype,
        loss: Literal["cross_entropy", "stablemax"] = "cross_entropy",
    ) -> None:
        self.name = forward.name
        self.forward = forward
        self.answers = answers
        self.dtype = dtype
        self.of_logits = {"cross_entropy": cross_entropy, "stablemax": stablemax_cross_entropy}[loss]

    def loss(self, weights: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """Return the loss, in nats; differentiable in the weights."""
        return self.of_logits(self.forward.answer(weights), self.answers, self.dtype)

    @torch.no_grad()
    def look(self, weights: Mapping[str, Tensor]) -> Look:
        """Return loss and accuracy."""
        logits = self.forward.answer(weights)
        right: Bool[Tensor, " example"] = logits.argmax(-1) == self.answers
        return Look(self.of_logits(logits, self.answers, self.dtype).item(), right.double().mean().item())


class KernelObjective:
    """The loss by the compiled kernel: torch makes the tables and takes their gradients on.

    Args:
        library: The compiled kernel.
        model: One layer, no layer norm, ReLU.
        shape: Its vocabulary and context length.
        tokens: The inputs.
        answers: Their right outputs.
        threads: Threads of the kernel.
    """

    name = "compiled"

    def __init__(
        self,
        library: Any,
        model: TransformerConfig,
        shape: Shape,
        tokens: Int64[Tensor, "example pos"],
        answers: Int64[Tensor, " example"],
        threads: int,
    ) -> None:
        order = _by_tiles(tokens)
        crew = Crew(threads)
        self.folded = FoldedForward(model, shape, tokens[order], KernelProduct(library, crew))
        self.kernel = FoldedKernel(library, self.folded, answers[order], crew)

    def loss(self, weights: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        """Return the loss, in nats; differentiable in the weights."""
        loss: Tensor = _KernelLoss.apply(self.kernel, *self._tables(weights))  # type: ignore[no-untyped-call]
        return loss

    @torch.no_grad()
    def look(self, weights: Mapping[str, Tensor]) -> Look:
        """Return loss and accuracy."""
        scored = self.kernel.score(self._tables(weights))
        return Look(scored.loss.mean().item(), scored.right.double().mean().item())

    def _tables(self, weights: Mapping[str, Tensor]) -> Tables:
        dtype = weights["embed.W_E"].dtype
        return self.folded.tables(weights, self.kernel.columns(dtype))


class _KernelLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernel: FoldedKernel, *tables: Tensor) -> Tensor:
        scored, ctx.gradients = kernel.differentiate(Tables(*tables))
        return scored.loss.mean()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0].item()
        found = ctx.gradients if scale == 1 else (scale * gradient for gradient in ctx.gradients)
        return None, *found


_TILE = 20


def _by_tiles(tokens: Int64[Tensor, "example pos"]) -> Int64[Tensor, " example"]:
    """Order examples so that neighbours read the same few table rows, which then stay in the cache."""
    order = torch.arange(len(tokens))
    for key in (*tokens.T.flip(0), *(tokens // _TILE).T.flip(0)):  # the last sort weighs most
        order = order[torch.argsort(key[order], stable=True)]
    return order
