"""What every measure is a function of: one model on one task, its forward pass computed once, in float64."""

import copy
from collections.abc import Iterable
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from phasescope.algebra.fourier import check_frequency
from phasescope.errors import PhasescopeError, look_up
from phasescope.measures.circle_fits import CircleFit, circle_fit
from phasescope.measures.clusters import clustered_frequencies
from phasescope.measures.concentration import Tables, keeps_to_cosets, operand_tables
from phasescope.measures.cross_entropy import cross_entropies
from phasescope.measures.inputs import Inputs
from phasescope.measures.irreps import character_coefficients, similar_irreps
from phasescope.measures.kernels import sampled_rows, tangent_kernel
from phasescope.measures.principal_circles import (
    Circle,
    PrincipalComponents,
    circles,
    principal_components,
)
from phasescope.measures.spectrum import FrequencyShare, frequency_share, sums_by
from phasescope.models.config import EmbeddingMLPConfig, TransformerConfig
from phasescope.models.embedding_mlp import operand_weights
from phasescope.models.model import Model
from phasescope.tasks.split import Split
from phasescope.tasks.task import Task


class Context:
    """One model on all pairs of one task; everything is computed when first asked for, and once.

    Weights are taken to float64 before anything is computed. Rows of activations are the task's pairs.

    Args:
        model: The network.
        task: The problem it was trained on.
        split: Which pairs it was trained on.
        key_frequencies: The keys to use, such as those of a run's last checkpoint; if left out, they are
            found in this model by the default rule.
        loss_dtype: Precision in which the run computed its loss; only numerical measures ask.
        inputs: Task and split as tensors, if another context has them already.
        reference: The same network at another time, for measures of how far it has come.
        key_irreps: The key irreps to use, likewise by name; if left out, those of this model's logits.

    Raises:
        PhasescopeError: If model and task do not fit, or a key is no frequency of the task.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("nanda2023:0:0.3").split(task))
        >>> context.keys, context.logits.shape, context.neurons.shape
        ((2, 5), torch.Size([169, 13]), torch.Size([169, 32]))
    """

    def __init__(
        self,
        model: Model,
        task: Task,
        split: Split,
        key_frequencies: Iterable[int] | None = None,
        loss_dtype: torch.dtype = torch.float64,
        inputs: Inputs | None = None,
        reference: "Context | None" = None,
        key_irreps: Iterable[str] | None = None,
    ) -> None:
        _require_fit(model, task)
        self.model = model
        self.task = task
        self.split = split
        self.inputs = inputs or Inputs(task, split)
        self.key_frequencies = None if key_frequencies is None else tuple(sorted(set(key_frequencies)))
        self.loss_dtype = loss_dtype
        self.reference = reference
        for key in self.key_frequencies or ():
            check_frequency(self.p, key)
        self.given_irreps = None if key_irreps is None else self._known_irreps(key_irreps)

    def at(self, model: Model) -> "Context":
        """Return the same context around another checkpoint of the same network."""
        return Context(
            model, self.task, self.split, self.key_frequencies, self.loss_dtype, self.inputs, self.reference,
            self.given_irreps,
        )  # fmt: skip

    def given(self, key_frequencies: Iterable[int]) -> "Context":
        """Return the same model with other key frequencies; what does not depend on them is shared."""
        other = copy.copy(self)
        other.key_frequencies = tuple(sorted(set(key_frequencies)))
        for name in ("keys", "circle_fits"):
            other.__dict__.pop(name, None)
        for key in other.key_frequencies:
            check_frequency(self.p, key)
        return other

    @property
    def p(self) -> int:
        """The modulus of the task."""
        if self.inputs.p is None:
            raise PhasescopeError(f"key frequencies need a task on Z_p; got {self.task.name}")
        return self.inputs.p

    @cached_property
    def double(self) -> Model:
        """The model with float64 weights, for runs with hooks and caches."""
        return copy.deepcopy(self.model).double().requires_grad_(False)

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Every parameter by name, float64."""
        return dict(self.double.named_parameters())

    @property
    def flat_weights(self) -> Float64[Tensor, " weight"]:
        """Every parameter in one vector, in the order of ``weights``, each flattened."""
        return torch.cat([weight.flatten() for weight in self.weights.values()])

    @cached_property
    def activations(self) -> dict[str, Tensor]:
        """The last layer's activations at the answer position, by name, for all pairs."""
        return self.inputs.forward(self.model.config, self.model.shape).activations(self.weights)

    @property
    def logits_with_equals(self) -> Float64[Tensor, "pair d_vocab_out"]:
        """Every output of the network, '=' included where it has one, as in the training loss."""
        return self.activations["logits"]

    @property
    def logits(self) -> Float64[Tensor, "pair answer"]:
        """The outputs that are possible answers: '=' is dropped."""
        return self.logits_with_equals[:, : self.task.n_elements]

    @property
    def neurons(self) -> Float64[Tensor, "pair neuron"]:
        """The last hidden layer after its non-linearity."""
        return self.activations[self.model.neurons]

    @property
    def pattern(self) -> Float64[Tensor, "pair head key"]:
        """Where each head of the last layer looks from the answer position."""
        assert isinstance(self.model.config, TransformerConfig), "only a transformer attends"
        return self.activations[f"blocks.{self.model.config.n_layers - 1}.attn.pattern"]

    @property
    def W_E(self) -> Float64[Tensor, "residue d_embed"]:
        """The embedding of the elements (of the left operand, in an embedding MLP)."""
        return self.double.W_E[: self.task.n_elements]

    @property
    def W_U(self) -> Float64[Tensor, "d_neck answer"]:
        """The unembedding, its columns of possible answers."""
        return self.double.W_U[:, : self.task.n_elements]

    @cached_property
    def W_L(self) -> Float64[Tensor, "answer neuron"]:
        """The map from neurons to logits."""
        return self.double.W_L[: self.task.n_elements]

    @cached_property
    def pair_losses(self) -> Float64[Tensor, " pair"]:
        """The cross-entropy of every pair over all outputs, as trained."""
        return cross_entropies(self.logits_with_equals, self.inputs.answers)

    @cached_property
    def pair_is_right(self) -> Bool[Tensor, " pair"]:
        """Whether the largest output of each pair is the answer."""
        return self.logits_with_equals.argmax(1) == self.inputs.answers

    @cached_property
    def logits_by_sum(self) -> Float64[Tensor, "residue answer"]:
        """The logits, averaged over the pairs that share a+b.

        Projecting the logits on cos(w_k(a+b)) and sin(w_k(a+b)) over all pairs is projecting this small
        table on cosine and sine: restricted and excluded loss never need more.
        """
        assert self.inputs.sums is not None, "only where the task adds"
        return sums_by(self.logits, self.inputs.sums, self.p) / self.p

    @cached_property
    def neuron_shares(self) -> FrequencyShare:
        """How each neuron's variance divides over the frequencies."""
        return frequency_share(self.neurons, self.inputs.basis)

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """The key frequencies: those given, or those that the default rule finds in this model."""
        if self.key_frequencies is not None:
            return self.key_frequencies
        return clustered_frequencies(self.neurons, self.neuron_shares, self.inputs.basis)

    @cached_property
    def logits_by_product(self) -> Float64[Tensor, "g answer"]:
        """The logits, averaged over the pairs that have the same product."""
        return self._by_product(self.logits)

    @cached_property
    def neurons_by_product(self) -> Float64[Tensor, "g neuron"]:
        """The neurons, averaged over the pairs that have the same product."""
        return self._by_product(self.neurons)

    @cached_property
    def character_coefficients(self) -> dict[str, float]:
        """By irrep, the logits' component along the unit cube of its character of a b c⁻¹."""
        assert self.inputs.group is not None, "only where the task multiplies in a group"
        return character_coefficients(self.logits_by_product, self.inputs.group, self.inputs.irreps)

    @cached_property
    def key_irreps(self) -> tuple[str, ...]:
        """The key irreps: those given, or those whose character is similar to this model's logits."""
        if self.given_irreps is not None:
            return self.given_irreps
        return similar_irreps(self.character_coefficients, float((self.logits - self.logits.mean()).norm()))

    @cached_property
    def embedding_components(self) -> PrincipalComponents:
        """The principal components of the embedding of the residues."""
        return principal_components(self.W_E, self.inputs.basis)

    @property
    def key_circles(self) -> list[Circle]:
        """The embedding's circles at key frequencies, the largest first."""
        return [circle for circle in circles(self.embedding_components) if circle.frequency in self.keys]

    @cached_property
    def circle_fits(self) -> dict[int, CircleFit]:
        """By key frequency, what the network does with its embedding cut down to that key's largest circle.

        One circle's logits are in memory at a time.
        """
        assert self.inputs.sums is not None, "only where the task adds"
        largest = {circle.frequency: circle for circle in reversed(self.key_circles)}
        left = torch.tensor(self.task.pairs)[:, 0]
        return {
            k: circle_fit(
                self.logits_of_components(circle.components), self.inputs.answers, left, self.inputs.sums, k
            )
            for k, circle in sorted(largest.items())
        }

    def logits_of_components(self, components: tuple[int, ...]) -> Float64[Tensor, "pair answer"]:
        """Return the logits with the embedding cut down to its mean row and some principal components."""
        name = "embed.W_E" if isinstance(self.model.config, TransformerConfig) else "W_x"
        W_E = self.weights[name].clone()
        W_E[: self.task.n_elements] = self.embedding_components.embedding(components)
        plan = self.inputs.forward(self.model.config, self.model.shape)
        with torch.no_grad():
            return plan.answer(self.weights | {name: W_E})[:, : self.task.n_elements]

    @cached_property
    def tangent_kernel(self) -> Float64[Tensor, "sample sample"]:
        """The neural tangent kernel of a fixed sample of training pairs (costly: read ``tangent_kernel``)."""
        rows = sampled_rows(self.inputs.train)
        return tangent_kernel(self.double, self.inputs.tokens[rows], self.task.n_elements)

    @cached_property
    def operand_tables(self) -> Tables:
        """What each neuron of an embedding MLP sees of either operand, as functions on the elements."""
        config = self.model.config
        assert isinstance(config, EmbeddingMLPConfig), "only an embedding MLP has such tables"
        left, right = operand_weights(config, self.weights)
        return operand_tables(left.numpy(), right.numpy())

    @cached_property
    def keeps_to_cosets(self) -> Bool[np.ndarray, " column"]:
        """Of each of those functions that can tell, whether it keeps to cosets beyond chance (costly)."""
        return keeps_to_cosets(self.operand_tables, self.inputs)

    def _by_product(self, values: Float64[Tensor, "pair column"]) -> Float64[Tensor, "g column"]:
        assert self.inputs.group is not None, "only where the task multiplies in a group"
        n = self.inputs.group.order
        return sums_by(values, self.inputs.products, n) / n

    def _known_irreps(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names of some irreps, each known to the task's group."""
        if self.inputs.group is None:
            raise PhasescopeError(f"key irreps need a task that multiplies in a group; got {self.task.name}")
        known = self.inputs.irreps
        return tuple(look_up("irrep", names, known, f"there are {', '.join(known)}"[:300]))

    def __str__(self) -> str:
        """Name the model's kind and the task, as errors quote them."""
        kind = self.model.config.kind
        return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} on {self.task.name}"


def _require_fit(model: Model, task: Task) -> None:
    """Refuse a model whose inputs or outputs are not the task's."""
    shape = model.shape
    d_vocab = task.d_vocab if isinstance(model.config, TransformerConfig) else task.n_elements
    fits = shape.n_ctx == task.n_ctx and shape.d_vocab == d_vocab and shape.d_vocab_out >= task.n_elements
    if not fits:
        raise PhasescopeError(
            f"{task.name} needs a model with {task.n_ctx} positions, {d_vocab} tokens in and at least "
            f"{task.n_elements} logits out; got {shape.n_ctx}, {shape.d_vocab} and {shape.d_vocab_out}"
        )
