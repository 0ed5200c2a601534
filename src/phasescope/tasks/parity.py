"""Sparse parity: the smallest task whose progress the loss hides."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from phasescope.config import Config
from phasescope.streams import stream_of
from phasescope.tasks.sequences import Sequences, SequenceTask, asked_nowhere


class ParityTask(Config):
    """Random bits; whether an even or an odd number of a few of them, always the same ones, are 1.

    The answer, 0 or 1, is asked at the last bit.

    References:
        barak2022: Hidden progress in deep learning.

    Example:
        >>> task = ParityTask(bits=6, k=2)
        >>> some = task.build().draw(np.random.default_rng(0), 2)
        >>> task.support, some.tokens.tolist(), some.targets[:, -1].tolist()
        ((1, 2), [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], [0, 0])
    """

    kind: Literal["parity"] = "parity"
    bits: int = Field(default=40, ge=2, le=1024)
    """Bits of an example."""
    k: int = Field(default=2, ge=1)
    """Bits that count."""
    support_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of which bits count."""

    @model_validator(mode="after")
    def _fits(self) -> "ParityTask":
        if self.k > self.bits:
            raise ValueError(f"k={self.k} must not exceed bits={self.bits}")
        return self

    @property
    def support(self) -> tuple[int, ...]:
        """The bits that count, in order."""
        chosen = stream_of("parity", self.support_seed).choice(self.bits, self.k, replace=False)
        return tuple(sorted(chosen.tolist()))

    def build(self) -> SequenceTask:
        """Return the task."""
        return SequenceTask(f"parity of {self.k} of {self.bits} bits", self.bits, 2, 2, self._draw)

    def _draw(self, stream: np.random.Generator, n: int) -> Sequences:
        tokens = stream.integers(2, size=(n, self.bits))
        targets = asked_nowhere(n, self.bits)
        targets[:, -1] = tokens[:, list(self.support)].sum(axis=1) % 2
        return Sequences(tokens, targets, {})
