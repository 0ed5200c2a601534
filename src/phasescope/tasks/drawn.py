"""How much data of a sequence task is trained on: fresh batches for ever, or a drawn number of examples."""

from typing import Literal

import numpy as np
from pydantic import Field

from phasescope.config import Config
from phasescope.errors import PhasescopeError
from phasescope.streams import stream_of
from phasescope.tasks.sequences import Sequences, SequenceTask

_ROUNDS = 50


class StreamSplit(Config):
    """Unlimited data: every step has a fresh batch, a function of seed and step alone.

    Example:
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> split, task = StreamSplit(), PredecessorTask().build()
        >>> bool((split.batch(task, 3, 7).tokens == split.batch(task, 3, 7).tokens).all())
        True
    """

    kind: Literal["stream"] = "stream"
    n_test: int = Field(default=1024, ge=1, le=1_000_000)
    """Examples that test loss is read on, drawn from a stream of their own."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the stream."""

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"stream:{self.seed}"

    def batch(self, task: SequenceTask, step: int, size: int) -> Sequences:
        """Draw the batch of a step.

        Args:
            task: What is drawn.
            step: Optimiser step, 0 or more.
            size: Examples.
        """
        return task.draw(stream_of("batches", self.seed, step), size)

    def test(self, task: SequenceTask) -> Sequences:
        """Draw the examples that test loss is read on.

        Args:
            task: What is drawn.
        """
        return task.draw(stream_of("test", self.seed), self.n_test)


class DrawnSplit(Config):
    """Limited data: so many examples, all different, and others held out that are none of them.

    Example:
        >>> from phasescope.tasks.skip_trigrams import SkipTrigramTask
        >>> train, test = DrawnSplit(n_train=40, n_test=100, cover=True).draw(SkipTrigramTask().build())
        >>> train.tokens.shape, len(set(train.targets[:, -1].tolist()))
        ((40, 20), 10)
    """

    kind: Literal["drawn"] = "drawn"
    n_train: int = Field(default=512, ge=1, le=1_000_000)
    """Examples trained on."""
    n_test: int = Field(default=1024, ge=1, le=1_000_000)
    """Examples held out."""
    cover: bool = False
    """Whether to draw again until every answer that is held out occurs among those trained on: an answer
    never seen cannot be learnt."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of both draws."""

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"drawn:{self.seed}:{self.n_train}"

    def draw(self, task: SequenceTask) -> tuple[Sequences, Sequences]:
        """Draw the examples trained on and those held out.

        Args:
            task: What is drawn.

        Raises:
            PhasescopeError: If the task has not so many different examples, or they do not cover the answers.
        """
        for attempt in range(_ROUNDS if self.cover else 1):
            drawn = self._different(task, attempt)
            train = drawn.take(np.arange(self.n_train))
            test = drawn.take(np.arange(self.n_train, len(drawn.tokens)))
            if not self.cover or set(test.targets[test.asked]) <= set(train.targets[train.asked]):
                return train, test
        raise PhasescopeError(
            f"{self.n_train} examples of {task.name} do not hold every answer in {_ROUNDS} draws; take more"
        )

    def _different(self, task: SequenceTask, attempt: int) -> Sequences:
        """Draw until there are enough examples no two of which read alike."""
        wanted = self.n_train + self.n_test
        stream = stream_of("drawn", self.seed, attempt)
        seen: dict[bytes, int] = {}
        parts: list[Sequences] = []
        rows = 0
        for _ in range(_ROUNDS):
            parts.append(task.draw(stream, wanted))
            for row in parts[-1].tokens:
                seen.setdefault(row.tobytes(), rows)
                rows += 1
            if len(seen) >= wanted:
                return _joined(parts).take(np.fromiter(seen.values(), np.int64)[:wanted])
        raise PhasescopeError(
            f"{task.name} needs {wanted} different examples to train on and hold out; "
            f"{rows} draws gave {len(seen)}"
        )


def _joined(parts: list[Sequences]) -> Sequences:
    """Put examples one after another."""
    notes = {name: np.concatenate([part.notes[name] for part in parts]) for name in parts[0].notes}
    return Sequences(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.targets for part in parts]),
        notes,
    )
