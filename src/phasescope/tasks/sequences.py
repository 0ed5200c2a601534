"""Sequence tasks: examples drawn from a stream, with an answer asked at some positions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int64

from phasescope.errors import PhasescopeError

NOT_ASKED = -1
"""Stands in ``targets`` where nothing is asked, and in a note where it has nothing to say."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """Some examples of a sequence task.

    Attributes:
        tokens: What a network reads.
        targets: What it must answer at each position; -1 where nothing is asked.
        notes: What is known of each position, by name: which digit is asked, whether a carry comes in; -1
            where a note has nothing to say.

    Raises:
        PhasescopeError: If the shapes differ.

    Example:
        >>> tokens = np.array([[3, 1, 3]])
        >>> Sequences(tokens, np.array([[-1, -1, 1]]), {}).asked.tolist()
        [[False, False, True]]
    """

    tokens: Int64[np.ndarray, "n pos"]
    targets: Int64[np.ndarray, "n pos"]
    notes: Mapping[str, Int64[np.ndarray, "n pos"]]

    def __post_init__(self) -> None:
        """Refuse targets and notes that are not as large as the tokens."""
        for name, array in {"targets": self.targets, **self.notes}.items():
            if array.shape != self.tokens.shape:
                raise PhasescopeError(
                    f"{name} needs one entry per token, {self.tokens.shape}; got {array.shape}"
                )

    @property
    def asked(self) -> Bool[np.ndarray, "n pos"]:
        """Where something is asked."""
        return np.asarray(self.targets != NOT_ASKED)

    def take(self, rows: Int64[np.ndarray, " row"]) -> "Sequences":
        """Return some of the examples.

        Args:
            rows: Which, in order.
        """
        notes = {name: note[rows] for name, note in self.notes.items()}
        return Sequences(self.tokens[rows], self.targets[rows], notes)


Draw = Callable[[np.random.Generator, int], Sequences]
"""Draws so many examples from a random stream: a function of the stream's state alone."""


@dataclass(frozen=True, eq=False)
class SequenceTask:
    """A problem whose examples are drawn from a random stream, the answer of each known.

    Attributes:
        name: What it is called, such as "5-digit addition".
        n_ctx: Tokens of an example.
        d_vocab: Number of different tokens.
        n_elements: Number of possible answers; answers are below it.
        draw: Draws examples.
        floor: Loss of the best predictor, nats per asked position; None where it is not known in closed form.
        words: How tokens are written that are not just numbers, such as '+'.

    Example:
        >>> from phasescope.tasks.addition import AdditionTask
        >>> task = AdditionTask(digits=2).build()
        >>> some = task.draw(np.random.default_rng(0), 3)
        >>> task.n_ctx, some.tokens.shape, some.asked.sum(axis=1).tolist()
        (9, (3, 9), [3, 3, 3])
    """

    name: str
    n_ctx: int
    d_vocab: int
    n_elements: int
    draw: Draw
    floor: float | None = 0.0
    words: Mapping[int, str] = field(default_factory=dict)


def asked_nowhere(n: int, n_ctx: int) -> Int64[np.ndarray, "n pos"]:
    """Return targets, or a note, that say nothing yet.

    Example:
        >>> asked_nowhere(1, 3).tolist()
        [[-1, -1, -1]]
    """
    return np.full((n, n_ctx), NOT_ASKED, dtype=np.int64)
