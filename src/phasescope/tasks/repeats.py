"""Random tokens in which a subsequence comes again: what an induction head is for."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from phasescope.config import Config
from phasescope.tasks.sequences import Sequences, SequenceTask, asked_nowhere


class RepeatTask(Config):
    """Random tokens with a repeated part, whose length differs from example to example.

    ``tiled`` repeats a block of random tokens until the context is full. ``placed`` scatters ``copies`` of a
    block among other random tokens. The next token is asked at every position that can see that it stands
    inside a copy: from the first token of the second copy on.

    The offset from a token to its earlier copy must vary: with ``shortest = longest`` and ``tiled`` one layer
    solves the task by looking a fixed number of positions back, and no induction head is needed.

    Notes: ``offset`` (positions back to the same place in the copy before) and ``seen`` (tokens of this copy
    read so far, 1 at its first; in ``tiled``, tokens read since the first block ended).

    The generator of nanda2023 is not published; this one is the house's own.

    Example:
        >>> one = RepeatTask(vocab=9, n_ctx=8, shortest=3, longest=3).build()
        >>> some = one.draw(np.random.default_rng(0), 1)
        >>> some.tokens.tolist(), some.targets.tolist()
        ([[7, 5, 4, 7, 5, 4, 7, 5]], [[-1, -1, -1, 5, 4, 7, 5, -1]])
    """

    kind: Literal["repeat"] = "repeat"
    arrangement: Literal["tiled", "placed"] = "tiled"
    """A block again and again, or copies among random tokens."""
    vocab: int = Field(default=32, ge=2, le=4096)
    """Number of different tokens."""
    n_ctx: int = Field(default=30, ge=4, le=1024)
    """Tokens of an example."""
    shortest: int = Field(default=6, ge=2)
    """Shortest block."""
    longest: int = Field(default=15, ge=2)
    """Longest block."""
    copies: int = Field(default=2, ge=2)
    """Copies of the block (placed)."""

    @model_validator(mode="after")
    def _fits(self) -> "RepeatTask":
        room = self.n_ctx - 2 if self.arrangement == "tiled" else self.n_ctx // self.copies
        if not self.shortest <= self.longest <= room:
            raise ValueError(
                f"a {self.arrangement} repeat needs shortest <= longest <= {room} in {self.n_ctx} tokens; "
                f"got {self.shortest} and {self.longest}"
            )
        return self

    def build(self) -> SequenceTask:
        """Return the task."""
        name = f"repeated subsequence of {self.shortest} to {self.longest}, {self.arrangement}"
        return SequenceTask(name, self.n_ctx, self.vocab, self.vocab, self._draw)

    def _draw(self, stream: np.random.Generator, n: int) -> Sequences:
        length = stream.integers(self.shortest, self.longest + 1, size=(n, 1))
        tokens = stream.integers(self.vocab, size=(n, self.n_ctx))
        if self.arrangement == "tiled":
            at = np.arange(self.n_ctx)[None, :]
            offset, seen = np.broadcast_to(length, tokens.shape).copy(), at - length + 1
            tokens = np.take_along_axis(tokens, at % length, axis=1)
            inside = (seen > 0) & (at < self.n_ctx - 1)
        else:
            tokens, offset, seen = self._place(stream, tokens, length)
            inside = (seen > 0) & (seen < length)  # at the last token of a copy the next is anything
        following = np.roll(tokens, -1, axis=1)
        nothing = asked_nowhere(n, self.n_ctx)
        return Sequences(
            tokens,
            np.where(inside, following, nothing),
            {"offset": np.where(inside, offset, nothing), "seen": np.where(inside, seen, nothing)},
        )

    def _place(
        self, stream: np.random.Generator, tokens: np.ndarray, length: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Overwrite random tokens with copies of a block; say how far back each repeats, and from where."""
        n = len(tokens)
        block = stream.integers(self.vocab, size=(n, self.longest))
        spare = self.n_ctx - self.copies * length[:, 0]
        # sorted places among the spare tokens: every way to spread the copies that they can follow each other
        gaps = np.sort(stream.integers(spare[:, None] + 1, size=(n, self.copies)), axis=1)
        starts = gaps + np.arange(self.copies) * length
        tokens, offset, seen = tokens.copy(), np.zeros_like(tokens), np.zeros_like(tokens)
        rows = np.arange(n)
        for place in range(self.longest):
            within = rows[place < length[:, 0]]
            for copy in range(self.copies):
                at = starts[within, copy] + place
                tokens[within, at] = block[within, place]
                if copy:
                    offset[within, at] = starts[within, copy] - starts[within, copy - 1]
                    seen[within, at] = place + 1
        return tokens, offset, seen
