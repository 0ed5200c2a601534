"""How a network on sequences is read in order to explain it: each record of its anatomy, in turn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from phasescope.circuits.sequences.columns import column_attention
from phasescope.circuits.sequences.context import SequenceContext
from phasescope.circuits.sequences.effects import EVERY, Effects, classes_of, neuron_effects, part_effects
from phasescope.circuits.sequences.induction import block_lengths
from phasescope.circuits.sequences.known import SEQUENCE_HYPOTHESES
from phasescope.circuits.sequences.over_training import (
    FEWEST,
    PartsOverTraining,
    appearances,
    parts_over_training,
)
from phasescope.circuits.sequences.patching import Moved, patched
from phasescope.circuits.sequences.paths import by_layers, is_linear, path_logits, path_name
from phasescope.errors import PhasescopeError
from phasescope.measures.sequences.composition import composition, random_composition
from phasescope.measures.sequences.heads import (
    attention_entropy,
    attention_score,
    copying_score,
    duplicate_token,
    induction,
    previous_token,
    repeated_tokens,
)
from phasescope.models.model import Model
from phasescope.models.series import CheckpointSeries
from phasescope.studies.explain_sequences_anatomy import (
    OWN,
    RIGHT,
    Drawn,
    NeuronReading,
    PathReading,
    Scores,
    SequenceAnatomy,
)
from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.any_task import SequenceTaskConfig
from phasescope.tasks.sequences import Sequences

Tick = Callable[[str], None]
"""Called before each part with what it is."""

WITH_CARRY = ("digit", "carry_in")
"""Notes whose combinations are classes of their own, where a task has both."""
MOST_CHECKPOINTS = 60
"""So many checkpoints are read over training, evenly chosen where there are more."""
OVER_TRAINING = 256
"""Sequences read at each of them."""


def parts_to_read() -> int:
    """Return how many parts ``read_sequences`` announces: for a progress bar."""
    return 7 + len(SEQUENCE_HYPOTHESES)


def read_sequences(
    context: SequenceContext,
    task: SequenceTaskConfig,
    name: str,
    *,
    trained: Sequences | None = None,
    series: CheckpointSeries | None = None,
    tick: Tick = lambda part: None,
) -> tuple[SequenceAnatomy, Drawn]:
    """Read a network: loss along the sequence, heads, composition, circuits, what each part is for.

    Args:
        context: The network and what it is asked.
        task: What it was trained on.
        name: What to call it.
        trained: Sequences it was trained on, where they are listed.
        series: Its checkpoints, where there are some.
        tick: Called before each part with what it is.

    Returns:
        The records, and what figures need beside them.

    Example:
        >>> from phasescope.models.handmade_heads import virtual_head
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> some = PredecessorTask().build().draw(np.random.default_rng(0), 300)
        >>> context = SequenceContext(virtual_head(10, 16), some)
        >>> anatomy, _ = read_sequences(context, PredecessorTask(), "by hand")
        >>> anatomy.judgements["virtual head"].verdict, anatomy.paths["layer 0, then layer 1"].alone
        ('shown', 1.0)
    """
    left_out: dict[str, str] = {}

    def tried(what: str, read: Callable[[], Scores]) -> dict[str, Scores]:
        """A reading, or the reason why there is none."""
        try:
            return {what: read()}
        except PhasescopeError as error:
            left_out[what] = str(error)
            return {}

    with torch.no_grad():
        tick("losses")
        sorted_by = _sorted(context)
        tick("heads")
        scores = _head_scores(context, tried)
        tick("composition")
        composed = _composition(context)
        if not composed:
            left_out["composition"] = "heads compose over layers; there is one layer"
        judgements = {}
        for hypothesis in SEQUENCE_HYPOTHESES.values():
            tick(f"circuit {hypothesis.name}")
            if hypothesis.speaks_of(context):
                judgements[hypothesis.name] = hypothesis.judge(context)
            else:
                left_out[f"circuit {hypothesis.name}"] = "it does not speak of such a network and task"
        tick("paths")
        paths = _paths(context)
        if not paths:
            left_out["paths"] = "paths need attention alone, without layer norm or biases of attention"
        tick("parts")
        costs = _costs(context, sorted_by)
        finest = list(costs)[-1]
        tick("neurons")
        neurons = None
        try:
            neurons = neuron_effects(context, sorted_by[finest])
        except PhasescopeError as error:
            left_out["single neurons"] = str(error)
        moved = (
            tuple(patched(context.model, task, what) for what in ("carry", "column"))
            if isinstance(task, AdditionTask)
            else ()
        )
        tick("parts over training")
        over = _over_training(series, context, left_out)
    losses = context.losses(context.logits)
    config = context.model.config
    anatomy = SequenceAnatomy(
        name=name,
        network=_described(context),
        task=task.build().name,
        n_sequences=len(context.tokens),
        n_questions=len(context.targets),
        n_answers=context.model.shape.d_vocab_out,
        loss=context.before,
        accuracy=context.accuracy(context.logits),
        train_accuracy=None if trained is None else _accuracy(context, trained),
        loss_by={
            what: {label: losses[questions].mean().item() for label, questions in classes.items()}
            for what, classes in sorted_by.items()
        },
        head_scores=scores,
        composition=composed,
        random=random_composition(config.d_model, config.d_head) if composed else None,
        judgements=judgements,
        paths=paths,
        costs=costs,
        neurons={} if neurons is None else _neurons(neurons),
        columns=_columns(context, task) if isinstance(task, AdditionTask) else {},
        moved={one.what: _moved(one) for one in moved},
        appearances=() if over is None else tuple(appearances(over)),
        left_out=left_out,
    )
    return anatomy, Drawn(context, neurons, over)


def _sorted(context: SequenceContext) -> dict[str, dict[str, Bool[Tensor, " question"]]]:
    """Every way to sort the questions: by position, by each note, and by digit and carry."""
    at = context.asked.nonzero()[:, 1]
    ways = {"position": {str(place): at == place for place in sorted(set(at.tolist()))}}
    for note in context.examples.notes:
        classes = classes_of(context, note)
        ways[note] = {name.removeprefix(f"{note} "): questions for name, questions in classes.items()}
    if set(WITH_CARRY) <= set(context.examples.notes):
        ways[" and ".join(WITH_CARRY)] = {
            name.replace("digit ", "")
            .replace(", carry_in 0", "")
            .replace(", carry_in 1", " carry"): questions
            for name, questions in classes_of(context, *WITH_CARRY).items()
        }
    if len(ways) == 1:
        ways[EVERY] = classes_of(context)
    return {what: classes for what, classes in ways.items() if classes}


def _head_scores(
    context: SequenceContext, tried: Callable[[str, Callable[[], Scores]], dict[str, Scores]]
) -> dict[str, Scores]:
    """What heads attend to and copy."""
    model, shape = context.model, context.model.shape
    blocks = torch.cat(
        [
            repeated_tokens(shape.d_vocab, shape.n_ctx, length)
            for length in block_lengths(shape.n_ctx, shape.d_vocab)
        ]
    )

    def named(scores: Mapping[tuple[int, int], float]) -> Scores:
        return {f"head {layer}.{head}": score for (layer, head), score in scores.items()}

    return {
        **tried("previous token", lambda: named(attention_score(model, context.tokens, previous_token))),
        **tried("duplicate token", lambda: named(attention_score(model, blocks, duplicate_token))),
        **tried("prefix matching", lambda: named(attention_score(model, blocks, induction))),
        **tried("copying", lambda: named(copying_score(model))),
        **tried("entropy (nats)", lambda: named(attention_entropy(model, context.tokens))),
    }


def _composition(context: SequenceContext) -> dict[str, Scores]:
    """Q-, K- and V-composition of every head with every later one; empty with one layer."""
    pairs = [(one, other) for one in context.heads for other in context.heads if one[0] < other[0]]
    if not pairs:
        return {}
    return {
        through: {path_name(pair): composition(context.model, *pair, through) for pair in pairs}
        for through in ("Q", "K", "V")
    }


def _paths(context: SequenceContext) -> dict[str, PathReading]:
    """What the paths through each choice of layers do alone, and what the rest does without."""
    if not is_linear(context):
        return {}
    return {
        ", then ".join(f"layer {layer}" for layer in layers) or "embedding": PathReading(
            context.accuracy(logits), context.accuracy(context.logits - logits)
        )
        for layers, logits in by_layers(path_logits(context)).items()
    }


def _over_training(
    series: CheckpointSeries | None, context: SequenceContext, left_out: dict[str, str]
) -> PartsOverTraining | None:
    """Costs at up to sixty checkpoints: by digit and carry, or by the task's first note."""
    steps = series.steps() if series is not None else ()
    if series is None or len(steps) < FEWEST:
        left_out["parts over training"] = f"it needs {FEWEST} checkpoints; there are {len(steps)}"
        return None
    some = context.examples.take(np.arange(min(OVER_TRAINING, len(context.tokens))))
    last = len(steps) - 1
    chosen = sorted({round(at * last / MOST_CHECKPOINTS) for at in range(MOST_CHECKPOINTS + 1)})
    present = tuple(context.examples.notes)
    notes = WITH_CARRY if set(WITH_CARRY) <= set(present) else present[:1]
    return parts_over_training(_Thinned(series, tuple(steps[i] for i in chosen)), some, *notes)


@dataclass(frozen=True)
class _Thinned:
    """Some checkpoints of a series."""

    series: CheckpointSeries
    chosen: tuple[int, ...]

    def steps(self) -> tuple[int, ...]:
        return self.chosen

    def model(self, step: int) -> Model:
        return self.series.model(step)


def _accuracy(context: SequenceContext, examples: Sequences) -> float:
    asked = SequenceContext(context.model, examples)
    return asked.accuracy(asked.logits)


def _costs(
    context: SequenceContext, sorted_by: Mapping[str, Mapping[str, Bool[Tensor, " question"]]]
) -> dict[str, dict[str, Scores]]:
    """What the ablation of each part costs, by each way to sort the questions; each is made once."""
    ways = {what: classes for what, classes in sorted_by.items() if what != "position"}
    columns = [(what, label) for what, classes in ways.items() for label in classes]
    effects = part_effects(context, {f"{what} {label}": ways[what][label] for what, label in columns})
    costs: dict[str, dict[str, Scores]] = {}
    for part, row in zip(effects.parts, effects.cost.tolist(), strict=True):
        for what in ways:
            costs.setdefault(what, {})[part] = {
                label: cost for (way, label), cost in zip(columns, row, strict=True) if way == what
            }
    return costs


def _neurons(effects: Effects) -> dict[str, NeuronReading]:
    """For each class, how many neurons carry half of what neurons carry, and the strongest."""
    found = {}
    for column, name in enumerate(effects.classes):
        cost = np.clip(effects.cost[:, column], 0, None)
        order = np.argsort(-cost)
        share = cost[order].cumsum() / max(cost.sum(), 1e-300)
        half = int(np.searchsorted(share, 0.5)) + 1
        found[name] = NeuronReading(half, {effects.parts[i]: float(cost[i]) for i in order[:5]})
    return found


def _columns(context: SequenceContext, task: AdditionTask) -> dict[str, dict[str, Scores]]:
    """How much each head looks at a digit's own column, and at the one to its right."""
    found = column_attention(context, task)
    ways = {OWN: range(1, task.digits + 1), RIGHT: range(task.digits)}
    return {
        way: {
            f"head {layer}.{head}": {
                str(digit): float(found[layer, head, digit, digit - (way == OWN)]) for digit in digits
            }
            for layer, head in context.heads
        }
        for way, digits in ways.items()
    }


def _moved(moved: Moved) -> dict[str, Scores]:
    return {
        part: {str(digit): share for digit, share in zip(moved.digits, row.tolist(), strict=True)}
        for part, row in zip(moved.parts, moved.share, strict=True)
    }


def _described(context: SequenceContext) -> str:
    """What the network is made of."""
    config, shape = context.model.config, context.model.shape
    n_weights = sum(weight.numel() for weight in context.model.parameters())
    layers = f"{config.n_layers} layer{'s' * (config.n_layers > 1)}"
    heads = f"{config.n_heads} head{'s' * (config.n_heads > 1)}{' each' * (config.n_layers > 1)}"
    mlp = f"{config.d_mlp:,} {config.activation} neurons" if config.d_mlp else "attention alone"
    return (
        f"a transformer of {layers} with {heads} and {mlp}, {config.positions} positions and "
        f"{n_weights:,} weights, that reads {shape.n_ctx} tokens"
    )
