"""A ... B -> C: somewhere stood an A, now comes a B, and together they say C."""

import math
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from phasescope.config import Config
from phasescope.streams import stream_of
from phasescope.tasks.sequences import Sequences, SequenceTask, asked_nowhere


class SkipTrigramTask(Config):
    """Noise tokens, one trigger of the asked group among them, then the group's query; answer their table.

    Tokens: ``noise`` noise tokens, then ``groups * triggers`` triggers (group by group), then one query per
    group, which stands last. ``distractors`` triggers of other groups stand about as well. With one group the
    network has only to find the one trigger; with several the query says which trigger counts.

    The answer of (query, trigger) is drawn from ``table_seed``, every answer equally often within a group as
    far as that goes. A share ``surprise`` of the answers is drawn uniformly instead, which gives the table an
    entropy: that of the best predictor is the task's ``floor``.

    Notes at the query: ``trigger`` (which of its group), ``group`` and ``distance`` back to the trigger.

    The generator of nanda2023 is not published; this one is the house's own.

    Example:
        >>> task = SkipTrigramTask(n_ctx=6, noise=4, triggers=3, answers=3).build()
        >>> some = task.draw(np.random.default_rng(1), 2)
        >>> some.tokens.tolist(), some.targets[:, -1].tolist()
        ([[1, 4, 3, 3, 0, 7], [3, 3, 0, 6, 3, 7]], [0, 1])
    """

    kind: Literal["skip_trigram"] = "skip_trigram"
    n_ctx: int = Field(default=20, ge=3, le=1024)
    """Tokens of an example, the query included."""
    noise: int = Field(default=10, ge=1, le=4096)
    """Different tokens that mean nothing."""
    groups: int = Field(default=1, ge=1, le=256)
    """Groups of triggers, each with a query of its own."""
    triggers: int = Field(default=10, ge=2, le=256)
    """Triggers of a group."""
    answers: int = Field(default=10, ge=2, le=256)
    """Possible answers."""
    distractors: int = Field(default=0, ge=0)
    """Triggers of other groups in each example."""
    surprise: float = Field(default=0.0, ge=0, lt=1)
    """Share of the answers that are drawn uniformly."""
    table_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the table."""

    @model_validator(mode="after")
    def _fits(self) -> "SkipTrigramTask":
        if self.distractors > self.n_ctx - 2 or (self.distractors and self.groups == 1):
            raise ValueError(
                f"distractors={self.distractors} need another group and {self.distractors + 2} tokens; "
                f"got groups={self.groups}, n_ctx={self.n_ctx}"
            )
        return self

    @property
    def table(self) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        """The answer of each trigger (column) in each group (row)."""
        stream = stream_of("skip trigrams", self.table_seed)
        balanced = np.arange(self.triggers) % self.answers
        return np.stack([stream.permutation(balanced) for _ in range(self.groups)])

    def build(self) -> SequenceTask:
        """Return the task."""
        n_triggers = self.groups * self.triggers
        name = f"skip trigrams, {self.groups} x {self.triggers} triggers"
        name += f", {self.distractors} distractors" * (self.distractors > 0)
        queries = self.noise + n_triggers
        words = {self.noise + i: f"t{i}" for i in range(n_triggers)}
        words |= {queries + group: f"?{group}" if self.groups > 1 else "?" for group in range(self.groups)}
        d_vocab = queries + self.groups
        return SequenceTask(name, self.n_ctx, d_vocab, self.answers, self._draw, self._floor(), words)

    def _floor(self) -> float:
        """Entropy of the answer, given query and trigger, in nats."""
        if not self.surprise:
            return 0.0
        other = self.surprise / self.answers
        right = 1 - other * (self.answers - 1)
        return -right * math.log(right) - (self.answers - 1) * other * math.log(other)

    def _draw(self, stream: np.random.Generator, n: int) -> Sequences:
        tokens = stream.integers(self.noise, size=(n, self.n_ctx))
        group, trigger = stream.integers(self.groups, size=n), stream.integers(self.triggers, size=n)
        places = stream.permuted(np.tile(np.arange(self.n_ctx - 1), (n, 1)), axis=1)
        rows = np.arange(n)
        for which in range(self.distractors):
            other = (group + stream.integers(1, self.groups, size=n)) % self.groups
            wrong = stream.integers(self.triggers, size=n)
            tokens[rows, places[:, 1 + which]] = self.noise + other * self.triggers + wrong
        tokens[rows, places[:, 0]] = self.noise + group * self.triggers + trigger
        tokens[:, -1] = self.noise + self.groups * self.triggers + group
        answer = self.table[group, trigger]
        if self.surprise:
            surprised = stream.random(n) < self.surprise
            answer = np.where(surprised, stream.integers(self.answers, size=n), answer)
        at_query = {"trigger": trigger, "group": group, "distance": self.n_ctx - 1 - places[:, 0]}
        notes = {name: asked_nowhere(n, self.n_ctx) for name in at_query}
        for name, values in at_query.items():
            notes[name][:, -1] = values
        targets = asked_nowhere(n, self.n_ctx)
        targets[:, -1] = answer
        return Sequences(tokens, targets, notes)
