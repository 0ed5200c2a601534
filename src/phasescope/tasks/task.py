"""A task: every allowed input, its answer, and the tokens a network reads."""

import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Int64

from phasescope.algebra.groups import Group
from phasescope.errors import PhasescopeError

Layout = Literal["a b =", "a b", "a o b ="]
"""What a network reads: the operands, and where there are any, the tokens of '=' and of the operation."""

LARGEST_TASK = 2_048
"""Elements a task may have: all its pairs are held in memory."""


@dataclass(frozen=True, eq=False)
class Task:
    """A binary operation on numbered elements, listed in full.

    Elements are tokens 0 .. n_elements-1; '=' is token n_elements and the operation is n_elements+1,
    where the layout has them. The answer is an element and is read at the last position.

    Attributes:
        name: What it is called, such as "a+b mod 113".
        pairs: Every input that has an answer, (a, b) in lexicographic order.
        answers: The answer of each pair.
        n_elements: Number of elements, p or the order of the group.
        n_left: Left operands are below this.
        n_right: Right operands are below this.
        layout: What a network reads.
        operation: The operation in the spelling of ``tasks.operations``, if it is one mod p.
        modulus: p, if the answers are an operation mod p.
        label_seed: Seed of the random labels that stand in for the answers; None if they are true.
        group: The group whose product a*b the answers are, or that their random labels stand in for; None
            where it is another operation.

    Raises:
        PhasescopeError: If pairs, answers and sizes do not fit together.

    Example:
        >>> from phasescope.tasks.config import ModularTask
        >>> task = ModularTask(operation="a+b", p=113).build()
        >>> task.n_ctx, task.d_vocab, task.tokens[-1].tolist(), int(task.answers[-1])
        (3, 114, [112, 112, 113], 111)
    """

    name: str
    pairs: Int64[np.ndarray, "example 2"]
    answers: Int64[np.ndarray, " example"]
    n_elements: int
    n_left: int
    n_right: int
    layout: Layout = "a b ="
    operation: str | None = None
    modulus: int | None = None
    label_seed: int | None = None
    group: Group | None = None

    def __post_init__(self) -> None:
        """Check that pairs, answers and sizes fit together."""
        if not 1 <= max(self.n_left, self.n_right) <= self.n_elements <= LARGEST_TASK:
            raise PhasescopeError(
                f"{self.name} needs 1 to {LARGEST_TASK} elements, operands among them; got n_elements="
                f"{self.n_elements}, n_left={self.n_left}, n_right={self.n_right}"
            )
        if len(self.pairs) == 0:
            raise PhasescopeError(f"{self.name} needs at least one input that has an answer; it has none")
        sizes = (self.n_left, self.n_right)
        if (self.pairs < 0).any() or (self.pairs >= sizes).any() or (np.diff(self._positions) <= 0).any():
            raise PhasescopeError(
                f"{self.name} needs pairs below {sizes}, each once and in lexicographic order; these are not"
            )
        if (self.answers < 0).any() or (self.answers >= self.n_elements).any():
            raise PhasescopeError(
                f"{self.name} needs answers between 0 and {self.n_elements - 1}; "
                f"got {self.answers.min()} to {self.answers.max()}"
            )

    @property
    def tokens(self) -> Int64[np.ndarray, "example pos"]:
        """What a network reads for each pair."""
        column = {
            "a": self.pairs[:, 0],
            "b": self.pairs[:, 1],
            "=": np.full(len(self.pairs), self.n_elements),
            "o": np.full(len(self.pairs), self.n_elements + 1),
        }
        return np.stack([column[symbol] for symbol in self.layout.split()], axis=1)

    @property
    def n_ctx(self) -> int:
        """Number of tokens a network reads."""
        return len(self.layout.split())

    @property
    def d_vocab(self) -> int:
        """Number of different tokens: the elements, and '=' and the operation where the layout has them."""
        return self.n_elements + self.layout.count("=") + self.layout.count("o")

    @property
    def is_square_table(self) -> bool:
        """Whether every pair of elements is an input, so that row a * n_elements + b is the pair (a, b)."""
        return len(self.pairs) == self.n_elements**2

    @cached_property
    def rows(self) -> Int64[np.ndarray, "left right"]:
        """The row of each pair in ``pairs``; -1 where the pair is no input (a division by 0)."""
        grid = np.full(self.n_left * self.n_right, -1)
        grid[self._positions] = np.arange(len(self.pairs))
        return grid.reshape(self.n_left, self.n_right)

    def answer(self, inputs: Int64[np.ndarray, "n 2"]) -> Int64[np.ndarray, " n"]:
        """Return the answers of some inputs.

        Args:
            inputs: Pairs (a, b), in any order, repeated or not.

        Returns:
            One answer per pair.

        Raises:
            PhasescopeError: If a pair is no input of the task; the first one is named.

        Example:
            >>> from phasescope.tasks.config import ModularTask
            >>> ModularTask(operation="a/b", p=97).build().answer(np.array([[1, 2], [4, 2]])).tolist()
            [49, 2]
        """
        a, b = inputs.T
        inside = (a >= 0) & (a < self.n_left) & (b >= 0) & (b < self.n_right)
        row = np.where(inside, self.rows[a * inside, b * inside], -1)
        if (row < 0).any():
            a, b = inputs[row.argmin()]
            raise PhasescopeError(f"{self.name} needs inputs that have an answer; ({a}, {b}) has none")
        return np.asarray(self.answers[row])

    def with_random_labels(self, seed: int) -> "Task":
        """Return the same inputs with labels drawn at random: the control in which nothing can be learnt.

        Each label is drawn uniformly from all elements, independently of every other. It is a function
        of (a, b, n_left, n_right, n_elements, seed) alone: the same input has the same label at every
        call, whichever operation the labels stand in for and whichever pairs are left out.

        Args:
            seed: Seed of the labels, 0 or more. Nothing else is moved by it.

        Returns:
            A task with these labels for answers.

        Raises:
            PhasescopeError: If the seed is negative.

        Example:
            >>> from phasescope.tasks.config import ModularTask
            >>> control = ModularTask(operation="a+b", p=113).build().with_random_labels(0)
            >>> control.name, control.answers[:4].tolist()
            ('a+b mod 113, random labels 0', [25, 69, 111, 74])
        """
        if seed < 0:
            raise PhasescopeError(f"random labels need a seed of 0 or more; got {seed}")
        stream = np.random.default_rng([seed, zlib.crc32(b"labels")])
        labels = stream.integers(self.n_elements, size=self.n_left * self.n_right, dtype=np.int64)
        name = self.name.removesuffix(f", random labels {self.label_seed}")
        return replace(
            self, name=f"{name}, random labels {seed}", answers=labels[self._positions], label_seed=seed
        )

    def with_outliers(self, rows: Int64[np.ndarray, " outlier"], seed: int) -> "Task":
        """Return the same task with the answers of some inputs drawn at random: mistakes in the data.

        Args:
            rows: Rows of ``pairs`` whose answer is drawn, uniformly over all elements, the true one too.
            seed: Of the draw; the first outliers stay the same when there are more of them.

        Returns:
            A task with these answers.

        References:
            power2022: Grokking: generalization beyond overfitting on small algorithmic datasets, figure 6.

        Example:
            >>> from phasescope.tasks.config import ModularTask
            >>> task = ModularTask(operation="a+b", p=97).build()
            >>> marred = task.with_outliers(np.arange(1000), seed=0)
            >>> changed = marred.answers != task.answers
            >>> int(changed.sum()), int(changed[1000:].sum())
            (990, 0)
        """
        stream = np.random.default_rng([seed, zlib.crc32(b"outliers")])
        answers = self.answers.copy()
        answers[rows] = stream.integers(self.n_elements, size=len(rows), dtype=np.int64)
        return replace(self, answers=answers)

    @property
    def _positions(self) -> Int64[np.ndarray, " example"]:
        """The place of each pair in the full table, read row by row."""
        left, right = self.pairs.T
        return np.asarray(left * self.n_right + right)
