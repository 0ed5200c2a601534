"""What a step is trained on and a look is taken at, for pairs of an operation and for sequences."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Tensor

from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.tasks.sequences import Sequences, SequenceTask
from phasescope.tasks.split import Split, SplitConfig
from phasescope.tasks.task import Task
from phasescope.training.alterations import stream
from phasescope.training.recipe import Recipe


class Batch(NamedTuple):
    """Some examples.

    Args:
        tokens: What the network reads.
        answers: One per example, read at the last position; or one per position, -1 where none is asked.
    """

    tokens: Int64[Tensor, "example pos"]
    answers: Int64[Tensor, "example ..."]


@runtime_checkable
class Examples(Protocol):
    """What training asks of its data."""

    def sides(self, step: int) -> Mapping[str, Batch]:
        """Return what a look at this step is taken at: "train", and "test" where something is held out."""

    def batch(self, step: int) -> Batch | None:
        """Return what this step trains on: a function of seed and step alone; None for all of "train"."""

    @property
    def fresh(self) -> bool:
        """Whether "train" is another one at every step."""


def examples_of(recipe: Recipe, task: Task | SequenceTask) -> Examples:
    """Return the examples a recipe trains on and those it holds out.

    Args:
        recipe: Says how much of its task is trained on, and how many examples a step takes.
        task: The recipe's task, built.

    Example:
        >>> from phasescope.training.presets import nanda2023
        >>> recipe = nanda2023()
        >>> examples = examples_of(recipe, recipe.task.build())
        >>> {name: len(side.tokens) for name, side in examples.sides(0).items()}, examples.batch(0)
        ({'train': 3830, 'test': 8939}, None)
    """
    split = recipe.split
    if isinstance(task, Task):
        assert isinstance(split, SplitConfig), "the recipe has seen to it"
        chosen = split.split(task)
        told = task.with_outliers(chosen.train[: recipe.outliers], split.seed)
        tokens, answers = torch.from_numpy(told.tokens), torch.from_numpy(told.answers)
        return ListedExamples(recipe, tokens, answers, chosen)
    if isinstance(split, StreamSplit):
        return StreamedExamples(recipe, task, split)
    assert isinstance(split, DrawnSplit), "the recipe has seen to it"
    train, test = map(as_batch, split.draw(task))
    tokens, answers = (torch.cat(both) for both in zip(train, test, strict=True))
    rows = torch.arange(len(tokens)).numpy()
    n = len(train.tokens)
    return ListedExamples(recipe, tokens, answers, Split(train=rows[:n], test=rows[n:]))


def as_batch(sequences: Sequences) -> Batch:
    """Return sequences as tensors.

    Example:
        >>> from phasescope.streams import stream_of
        >>> from phasescope.tasks.predecessor import PredecessorTask
        >>> as_batch(PredecessorTask().build().draw(stream_of("test", 0), 2)).answers.shape
        torch.Size([2, 16])
    """
    return Batch(torch.from_numpy(sequences.tokens), torch.from_numpy(sequences.targets))


class ListedExamples:
    """A list of examples, some trained on and some held out; every epoch in an order of its own.

    Args:
        recipe: Its ``batch_size`` and seed decide the batches.
        tokens: All examples.
        answers: Their answers.
        split: Which rows are trained on.
    """

    fresh = False

    def __init__(self, recipe: Recipe, tokens: Tensor, answers: Tensor, split: Split) -> None:
        self.size, self.seed = recipe.batch_size, recipe.seed
        self.tokens, self.answers = tokens, answers
        self.rows = {name: torch.from_numpy(getattr(split, name)) for name in ("train", "test")}

    def sides(self, step: int) -> Mapping[str, Batch]:
        """Return all examples trained on, and all held out."""
        return {name: self._at(rows) for name, rows in self.rows.items() if len(rows)}

    def batch(self, step: int) -> Batch | None:
        """Return this step's part of its epoch; None for the full batch."""
        train = self.rows["train"]
        if self.size is None:
            return None
        per_epoch = -(-len(train) // self.size)
        epoch, part = divmod(step, per_epoch)
        order = torch.randperm(len(train), generator=stream("order", self.seed, epoch))
        return self._at(train[order[part * self.size : (part + 1) * self.size]])

    def _at(self, rows: Int64[Tensor, " row"]) -> Batch:
        return Batch(self.tokens[rows], self.answers[rows])


class StreamedExamples:
    """Fresh sequences at every step; the train loss of a look is that of the batch about to be trained on.

    Args:
        recipe: Its ``batch_size`` says how many a step takes.
        task: What is drawn.
        split: The stream.
    """

    fresh = True

    def __init__(self, recipe: Recipe, task: SequenceTask, split: StreamSplit) -> None:
        assert recipe.batch_size is not None, "the recipe has seen to it"
        self.size, self.task, self.split = recipe.batch_size, task, split
        self.test = as_batch(split.test(task))

    def sides(self, step: int) -> Mapping[str, Batch]:
        """Return this step's batch, and what is held out."""
        return {"train": self.batch(step), "test": self.test}

    def batch(self, step: int) -> Batch:
        """Return this step's batch."""
        return as_batch(self.split.batch(self.task, step, self.size))
