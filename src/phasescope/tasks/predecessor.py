"""Which token stood before the marker: a task for a virtual attention head."""

from typing import Literal

import numpy as np
from pydantic import Field

from phasescope.config import Config
from phasescope.tasks.sequences import Sequences, SequenceTask, asked_nowhere


class PredecessorTask(Config):
    """Digits with one marker among them, then a query: name the digit just before the marker.

    A head of a second layer finds the marker, where a previous-token head of the first has put the digit:
    the two composed are the virtual head. One layer cannot: what a query reads off a position depends on that
    position's own token and place, and not on what follows it.

    Digits are tokens below ``digits``, the marker is ``digits`` (written M), the query is ``digits + 1`` (?).
    Note at the query: ``distance`` back to the marker.

    References:
        elhage2021: A mathematical framework for transformer circuits, virtual attention heads.

    Example:
        >>> some = PredecessorTask(n_ctx=6).build().draw(np.random.default_rng(0), 2)
        >>> some.tokens.tolist(), some.targets[:, -1].tolist()
        ([[8, 6, 5, 10, 3, 11], [0, 0, 1, 10, 6, 11]], [5, 1])
    """

    kind: Literal["predecessor"] = "predecessor"
    n_ctx: int = Field(default=16, ge=4, le=1024)
    """Tokens of an example, the query included."""
    digits: int = Field(default=10, ge=2, le=4096)
    """Different digits."""

    def build(self) -> SequenceTask:
        """Return the task."""
        words = {self.digits: "M", self.digits + 1: "?"}
        name, d_vocab = "the marker's predecessor", self.digits + 2
        return SequenceTask(name, self.n_ctx, d_vocab, self.digits, self._draw, words=words)

    def _draw(self, stream: np.random.Generator, n: int) -> Sequences:
        tokens = stream.integers(self.digits, size=(n, self.n_ctx))
        marker, rows = stream.integers(1, self.n_ctx - 1, size=n), np.arange(n)
        tokens[rows, marker], tokens[:, -1] = self.digits, self.digits + 1
        targets, distance = asked_nowhere(n, self.n_ctx), asked_nowhere(n, self.n_ctx)
        targets[:, -1] = tokens[rows, marker - 1]
        distance[:, -1] = self.n_ctx - 1 - marker
        return Sequences(tokens, targets, {"distance": distance})
