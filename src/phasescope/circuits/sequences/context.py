"""A network and the sequences it is asked, in float64, with the forward pass of both made once."""

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from phasescope.errors import PhasescopeError
from phasescope.models.build import model_from_parameters
from phasescope.models.hooks import Hook
from phasescope.models.model import Model
from phasescope.models.transformer import Transformer
from phasescope.tasks.sequences import Sequences

Head = tuple[int, int]
"""Layer and head."""
Answers = Float64[Tensor, "question answer"]
"""Logits at every asked position; questions run through the examples, and through the positions of each."""


class SequenceContext:
    """What every reading of a circuit needs: the network, its examples, and its own answers to them.

    Args:
        model: A transformer; its weights are taken to float64.
        examples: What it is asked.

    Raises:
        PhasescopeError: If the network is no transformer, does not fit the examples, or nothing is asked.

    Example:
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> some = PredecessorTask().build().draw(np.random.default_rng(0), 50)
        >>> context = SequenceContext(virtual_head(10, 16), some)
        >>> context.accuracy(context.logits), round(context.guess, 3)  # ln 10
        (1.0, 2.303)
    """

    def __init__(self, model: Model, examples: Sequences) -> None:
        if not isinstance(model, Transformer):
            raise PhasescopeError(f"circuits along a sequence are those of a transformer; got {model!r:.80}")
        n_ctx, largest = examples.tokens.shape[1], int(examples.tokens.max(initial=0))
        if n_ctx != model.shape.n_ctx or largest >= model.shape.d_vocab:
            raise PhasescopeError(
                f"examples need {model.shape.n_ctx} tokens below {model.shape.d_vocab} for this network; "
                f"got {n_ctx} tokens up to {largest}"
            )
        if not examples.asked.any():
            raise PhasescopeError("a circuit needs questions; nothing is asked in these examples")
        weights = {name: weight.detach().double() for name, weight in model.state_dict().items()}
        double = model_from_parameters(model.config, model.shape, weights)
        assert isinstance(double, Transformer), "it is built from a transformer's config"
        self.model, self.examples = double, examples
        self.tokens = torch.from_numpy(examples.tokens)
        self.asked = torch.from_numpy(examples.asked)
        self.targets = torch.from_numpy(examples.targets)[self.asked]

    @property
    def heads(self) -> tuple[Head, ...]:
        """Every head, by layer."""
        config = self.model.config
        return tuple((layer, head) for layer in range(config.n_layers) for head in range(config.n_heads))

    @property
    def guess(self) -> float:
        """Loss of a uniform guess among all answers, in nats."""
        return math.log(self.model.shape.d_vocab_out)

    @cached_property
    def cache(self) -> Mapping[str, Tensor]:
        """Patterns, what heads read (z), what MLPs hold and write, and the logits, untouched."""
        kept = ("attn.pattern", "attn.z", "mlp.post", "mlp_out")
        with torch.no_grad():
            logits, cache = self.model.run_with_cache(self.tokens, lambda name: name.endswith(kept))
        return {**cache, "logits": logits}

    @property
    def logits(self) -> Answers:
        """The network's own."""
        return self.cache["logits"][self.asked]

    @cached_property
    def before(self) -> float:
        """Loss of the untouched network, in nats."""
        return self.loss(self.logits)

    @property
    def gain(self) -> float:
        """What the network is better than a uniform guess, in nats; negative if it is worse."""
        return self.guess - self.before

    def with_hooks(self, hooks: Mapping[str, Hook]) -> Answers:
        """Return the logits with hooks attached.

        Args:
            hooks: Activation name to hook.
        """
        with torch.no_grad(), self.model.hooks(hooks):
            logits: Tensor = self.model(self.tokens)
        return logits[self.asked]

    def losses(self, logits: Answers) -> Float64[Tensor, " question"]:
        """Return the cross-entropy of every question, in nats."""
        return torch.nn.functional.cross_entropy(logits, self.targets, reduction="none")

    def loss(self, logits: Answers) -> float:
        """Return the mean cross-entropy, in nats."""
        return self.losses(logits).mean().item()

    def right(self, logits: Answers) -> Bool[Tensor, " question"]:
        """Return which questions are answered rightly."""
        return logits.argmax(-1) == self.targets

    def accuracy(self, logits: Answers) -> float:
        """Return the share of right answers."""
        return self.right(logits).double().mean().item()

    def lost(self, logits: Answers) -> float:
        """Return the share of the gain over a guess that changed logits lose; NaN where there is no gain."""
        return (self.loss(logits) - self.before) / self.gain if self.gain > 0 else math.nan

    def note(self, name: str) -> Int64[np.ndarray, " question"]:
        """Return what a note says of every question.

        Raises:
            PhasescopeError: If the examples have no such note.
        """
        if name not in self.examples.notes:
            raise PhasescopeError(
                f"these examples have the notes {', '.join(self.examples.notes) or '(none)'}; got {name}"
            )
        return np.asarray(self.examples.notes[name][self.examples.asked])

    def __repr__(self) -> str:
        """Say what is asked of what."""
        return f"{self.model!r} on {len(self.targets):,} questions in {len(self.tokens):,} sequences"
