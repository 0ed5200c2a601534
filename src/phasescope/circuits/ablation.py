"""What an ablation is: a network with one part changed, as logits on all pairs, and the loss it has."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from jaxtyping import Float64
from torch import Tensor

from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.measures.cross_entropy import cross_entropies
from phasescope.measures.record import Need, Value, first_unmet
from phasescope.models.config import TransformerConfig

Logits = Float64[Tensor, "pair answer"]
"""Logits of the possible answers, for all pairs."""

Change = TypeVar("Change", bound=Callable[..., Logits])
"""The function behind an ablation: of a context, or of a context and one key frequency."""

Per = Literal["model", "frequency"]

LINEAR_READOUT = Need(
    "logits that are linear in the neurons (no layer norm)",
    lambda context: getattr(context.model.config, "normalization", "none") == "none",
)
ONE_LAYER = Need(
    "one layer of softmax attention",
    lambda context: (
        isinstance(context.model.config, TransformerConfig)
        and context.model.config.n_layers == 1
        and context.model.config.softmax_share == 1
        and not context.model.config.smeared_keys
    ),
)
ADDED_POSITIONS = Need(
    "positions that are added to the embedding",
    lambda context: (
        isinstance(context.model.config, TransformerConfig) and context.model.config.adds_positions
    ),
)


@dataclass(frozen=True)
class Ablation:
    """A change to a network whose effect on the loss says what the changed part does.

    Attributes:
        name: Its exact name; different variants have different names.
        statement: What is changed, in one sentence.
        reference: Where its result is published, and the number there.
        needs: What model and task must have.
        per: "frequency" if there is one change for each key frequency, "model" if there is one.
        function: The changed logits, of a context; for "frequency", of a context and a key.
    """

    name: str
    statement: str
    reference: str
    needs: tuple[Need, ...]
    per: Per
    function: Callable[..., Logits]

    def unmet(self, context: Context) -> str | None:
        """Return in one line why the ablation does not apply to a context; None if it does."""
        return first_unmet(self.name, self.needs, context)

    def logits(self, context: Context) -> Logits | dict[int, Logits]:
        """Return the changed logits, or those of each key.

        Raises:
            PhasescopeError: If the ablation does not apply.
        """
        self._require(context)
        if self.per == "frequency":
            return {key: self.function(context, key) for key in context.keys}
        return self.function(context)

    def loss(self, context: Context, keys: Iterable[int] | None = None) -> Value:
        """Return the loss of the changed logits over all pairs and possible answers, or that of each key.

        Args:
            context: The network.
            keys: For an ablation of each key, which ones; all, if left out. One key's logits are in memory
                at a time.

        Raises:
            PhasescopeError: If the ablation does not apply.
        """
        self._require(context)
        if self.per == "frequency":
            chosen = context.keys if keys is None else keys
            return {key: loss_of(context, self.function(context, key)) for key in chosen}
        return loss_of(context, self.function(context))

    def _require(self, context: Context) -> None:
        if reason := self.unmet(context):
            raise PhasescopeError(reason)


def loss_of(context: Context, logits: Logits) -> float:
    """Return the mean cross-entropy of some logits over all pairs.

    Args:
        context: The task.
        logits: Logits of the possible answers; '=' is not among them.

    Returns:
        The loss in nats.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("all").split(task))
        >>> round(loss_of(context, 0 * context.logits), 6)  # ln 13
        2.564949
    """
    return float(cross_entropies(logits, context.inputs.answers).mean())


REGISTRY: dict[str, Ablation] = {}
"""Every ablation whose family has been imported, by name."""


def ablation(
    reference: str, *, needs: tuple[Need, ...] = (), per: Per = "model"
) -> Callable[[Change], Change]:
    """Register a function of a context as the ablation that bears its name.

    Args:
        reference: Where its result is published, and the number there.
        needs: What model and task must have.
        per: "frequency" if the function takes a key frequency as well.

    Returns:
        A decorator that registers the function and returns it as it is.

    Example:
        >>> @ablation("nowhere")
        ... def logits_halved(context: Context) -> Logits:
        ...     '''Every logit is halved.'''
        ...     return context.logits / 2
        >>> REGISTRY.pop("logits_halved").statement
        'Every logit is halved.'
    """

    def register(function: Change) -> Change:
        name, statement = function.__name__, (function.__doc__ or "").split("\n\n")[0]
        assert name not in REGISTRY, f"two ablations are called {name}"
        REGISTRY[name] = Ablation(name, " ".join(statement.split()), reference, needs, per, function)
        return function

    return register
