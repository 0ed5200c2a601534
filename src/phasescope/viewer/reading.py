"""What a page shows of a network that reads sequences: its loss at each place, its heads on one input."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from phasescope.errors import PhasescopeError
from phasescope.models.config import TransformerConfig
from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.tasks.sequences import NOT_ASKED, Sequences, SequenceTask
from phasescope.viewer.forward import Weights, forward

LONGEST = 128
"""Tokens of an example; longer ones make no picture that can be read."""
EXAMPLES, IN_A_FILE = 8, 4
"""Held-out examples to choose from, and how many of them a file holds."""
MOST_READ, FEWEST_READ = 256, 16
"""Held-out examples that loss by place is a mean of."""
SCORES_AT_ONCE = 1_000_000
"""Attention scores of one layer that are computed for a checkpoint: a fraction of a second."""
_NAME = re.compile(r"(attention|answers)-((?:\d{1,4}-)*\d{1,4})")


@dataclass(frozen=True, eq=False)
class Reading:
    """A sequence task, its network's form, and held-out examples of it.

    Args:
        model: The network's config.
        task: The problem.
        sample: The first of the examples that test loss is read on.
    """

    model: TransformerConfig
    task: SequenceTask
    sample: Sequences

    @property
    def place(self) -> str:
        """What loss is counted by: the digit of a sum, or else the position."""
        return "digit" if "digit" in self.sample.notes else "position"

    def record(self) -> dict[str, Any]:
        """Write what the page needs to show attention and answers."""
        first = self.sample.take(np.arange(min(EXAMPLES, len(self.sample.tokens))))
        return {
            "task": self.task.name,
            "n": self.task.n_ctx,
            "layers": self.model.n_layers,
            "heads": self.model.n_heads,
            "vocab": self.task.d_vocab,
            "causal": self.model.causal,
            "words": {str(token): word for token, word in self.task.words.items()},
            "examples": [
                {"input": _joined(tokens), "targets": targets.tolist()}
                for tokens, targets in zip(first.tokens, first.targets, strict=True)
            ],
            "read": len(self.sample.tokens),
        }

    def losses(self, weights: Weights) -> dict[str, float]:
        """Return the mean loss at each place, in nats; NaN at a place between others that is never asked.

        Args:
            weights: Of a checkpoint, float64.

        Returns:
            ``loss_by_digit.0`` or ``loss_by_position.12`` and so on.
        """
        logits = forward(self.model, weights, self.sample.tokens).logits
        asked, right = self.sample.asked, np.maximum(self.sample.targets, 0)
        losses = -np.take_along_axis(_log_softmax(logits), right[..., None], axis=2)[..., 0]
        places, name = self._places, f"loss_by_{self.place}"
        total = np.bincount(places[asked], losses[asked])
        count = np.bincount(places[asked])
        first = int(places[asked].min())
        return {
            f"{name}.{at}": float(total[at] / count[at]) if count[at] else float("nan")
            for at in range(first, len(count))
        }

    def part(self, weights: Weights, name: str) -> NDArray[Any]:
        """Return what the network makes of one input.

        Args:
            weights: Of a checkpoint, float64.
            name: ``attention-3-5-1`` for every head's pattern on the tokens 3, 5, 1: layer, head, query,
                key. ``answers-3-5-1`` for the answer with the largest logit at each position, then its
                probability at each, then that of the right answer: NaN where none is asked or known.

        Raises:
            PhasescopeError: If the input is none that the network can read.
        """
        kind, tokens = self.require(name)
        logits, patterns = forward(self.model, weights, tokens[None])
        if kind == "attention":
            return np.asarray(patterns[0].ravel())
        chances = np.exp(_log_softmax(logits[0]))
        said, right = chances.argmax(axis=1), self._targets(tokens)
        at = np.arange(len(tokens))
        known = np.where(right == NOT_ASKED, np.nan, chances[at, np.maximum(right, 0)])
        return np.concatenate([said.astype(np.float64), chances[at, said], known])

    def require(self, name: str) -> tuple[str, Int64[np.ndarray, " pos"]]:
        """Return which part a name asks for, and of which tokens.

        Raises:
            PhasescopeError: If the network cannot read them.
        """
        found = _NAME.fullmatch(name)
        tokens = np.array([] if found is None else found[2].split("-"), dtype=np.int64)
        if found is None or len(tokens) != self.task.n_ctx or tokens.max() >= self.task.d_vocab:
            raise PhasescopeError(
                f"{self.task.name} reads {self.task.n_ctx} tokens below {self.task.d_vocab}; got {name!r:.60}"
            )
        return found[1], tokens

    @cached_property
    def _places(self) -> Int64[np.ndarray, "n pos"]:
        if self.place == "digit":
            return self.sample.notes["digit"]
        return np.broadcast_to(np.arange(self.task.n_ctx), self.sample.tokens.shape)

    def _targets(self, tokens: Int64[np.ndarray, " pos"]) -> Int64[np.ndarray, " pos"]:
        """What is right at each position of one of the examples; nothing is known of another input."""
        same = np.flatnonzero((self.sample.tokens[:EXAMPLES] == tokens).all(axis=1))
        return self.sample.targets[same[0]] if len(same) else np.full(len(tokens), NOT_ASKED)


def reading_of(
    model: TransformerConfig, task: SequenceTask, split: StreamSplit | DrawnSplit
) -> Reading | None:
    """Return how to show a network that reads sequences; None where they are too long for a picture.

    Args:
        model: The network's config.
        task: The problem.
        split: Where its held-out examples come from.

    Example:
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> reading = reading_of(TransformerConfig(), PredecessorTask().build(), StreamSplit(n_test=40))
        >>> reading.record()["examples"][0]["input"]
        '2-5-3-5-7-5-0-9-7-5-7-10-9-9-6-11'
    """
    if task.n_ctx > LONGEST:
        return None
    affordable = SCORES_AT_ONCE // (task.n_ctx**2 * model.n_heads)
    test = split.test(task) if isinstance(split, StreamSplit) else split.draw(task)[1]
    n = min(len(test.tokens), int(np.clip(affordable, FEWEST_READ, MOST_READ)))
    return Reading(model, task, test.take(np.arange(n)))


def reading_names(record: Mapping[str, Any]) -> list[str]:
    """Return the parts that a file holds: attention and answers of the first examples.

    Example:
        >>> reading_names({"examples": [{"input": "3-5-1"}]})
        ['attention-3-5-1', 'answers-3-5-1']
    """
    inputs = [one["input"] for one in record["examples"][:IN_A_FILE]]
    return [f"{kind}-{one}" for one in inputs for kind in ("attention", "answers")]


def reading_bytes(record: Mapping[str, Any]) -> int:
    """Return how many bytes those take for each checkpoint."""
    n = record["n"]
    each = 2 * record["layers"] * record["heads"] * n * n + 4 * 3 * n
    return int(min(len(record["examples"]), IN_A_FILE) * each)


def _joined(tokens: Int64[np.ndarray, " pos"]) -> str:
    return "-".join(map(str, tokens.tolist()))


def _log_softmax(logits: Float64[np.ndarray, "*rows answer"]) -> Float64[np.ndarray, "*rows answer"]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
