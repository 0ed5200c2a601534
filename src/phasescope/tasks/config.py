"""Tasks as data: what a recipe says of a problem, and how the problem is built from it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from phasescope.algebra.groups import Group, from_table
from phasescope.algebra.named_groups import cyclic, group
from phasescope.config import Config
from phasescope.errors import PhasescopeError
from phasescope.tasks.operations import canonical_operation, evaluate
from phasescope.tasks.task import LARGEST_TASK, Layout, Task

Word = Literal["ab", "aba^-1", "aba"]
"""What is asked of two group elements: their product, a conjugate, or a sandwich."""


class _AnyTask(Config):
    """What every task has: the layout of its input, and true or random labels."""

    layout: Layout = "a b ="
    """What the network reads; the answer is read at the last position."""
    labels: Literal["true", "random"] = "true"
    """random gives each input a label drawn uniformly, the control in which nothing can be learnt."""
    label_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the random labels."""

    def _labelled(self, task: Task) -> Task:
        """The task itself, or with random labels."""
        return task.with_random_labels(self.label_seed) if self.labels == "random" else task


class ModularTask(_AnyTask):
    """A binary operation mod p.

    Example:
        >>> ModularTask(operation="x^2 + y^2", p=97).build().name
        'a^2+b^2 mod 97'
        >>> len(ModularTask(operation="a/b", p=97).build().pairs)  # b = 0 is no input
        9312
    """

    kind: Literal["modular"] = "modular"
    operation: str = "a+b"
    """Arithmetic on a and b: + - * / ^ and parentheses, or 'X if b odd else Y'."""
    p: int = Field(default=113, ge=2, le=LARGEST_TASK)
    """Modulus, prime or not."""

    @field_validator("operation")
    @classmethod
    def _spelt_one_way(cls, operation: str) -> str:
        try:
            return canonical_operation(operation)
        except PhasescopeError as error:  # the key that pydantic names is the subject already
            raise ValueError(str(error).removeprefix("an operation ")) from None

    def build(self) -> Task:
        """List every input and its answer; a divisor without an inverse makes no input."""
        pairs = _all_pairs(self.p, self.p)
        values, exist = evaluate(self.operation, pairs[:, 0], pairs[:, 1], self.p)
        task = Task(
            name=f"{self.operation} mod {self.p}",
            pairs=pairs[exist],
            answers=values[exist],
            n_elements=self.p,
            n_left=self.p,
            n_right=self.p,
            layout=self.layout,
            operation=self.operation,
            modulus=self.p,
            group=cyclic(self.p) if self.operation in ("a+b", "b+a") else None,
        )
        return self._labelled(task)


class GroupTask(_AnyTask):
    """A word in two elements of a finite group.

    Elements and product are those of ``algebra.named_groups``: permutations in lexicographic order,
    right factor first. In a cyclic group the words are sums mod n, and the task says so.

    Example:
        >>> task = GroupTask(group="S5").build()
        >>> task.name, task.n_elements, task.modulus
        ('a*b in S5', 120, None)
        >>> GroupTask(group="C113").build().operation
        'a+b'
    """

    kind: Literal["group"] = "group"
    group: str = "S5"
    """Name of the group: C113, D59, S5, A5, S3xC2."""
    word: Word = "ab"
    """The word whose value is the answer."""

    @field_validator("group")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            return group(name).name
        except PhasescopeError as error:
            raise ValueError(str(error).removeprefix("a group ")) from None

    def build(self) -> Task:
        """List every pair of elements and the value of the word."""
        g = group(self.group)
        pairs = _all_pairs(g.order, g.order)
        a, b = pairs.T
        ab = g.table[a, b]
        answers = {"ab": ab, "aba": g.table[ab, a], "aba^-1": g.table[ab, g.inverse[a]]}[self.word]
        # named cyclic groups number their residues, so that their product is addition
        is_sum = g.name == f"C{g.order}"
        task = Task(
            name=f"{WORDS[self.word]} in {g.name}",
            pairs=pairs,
            answers=answers,
            n_elements=g.order,
            n_left=g.order,
            n_right=g.order,
            layout=self.layout,
            operation={"ab": "a+b", "aba": "a+b+a", "aba^-1": "a+b-a"}[self.word] if is_sum else None,
            modulus=g.order if is_sum else None,
            group=g if self.word == "ab" else None,
        )
        return self._labelled(task)


WORDS: dict[Word, str] = {"ab": "a*b", "aba^-1": "a*b*a^-1", "aba": "a*b*a"}
"""Each word as a task's name spells it."""


class TableTask(_AnyTask):
    """Any binary operation, given by its table.

    Example:
        >>> task = TableTask(table=((0, 1, 2), (1, None, 0))).build()
        >>> task.n_left, task.n_right, task.n_elements, len(task.pairs)
        (2, 3, 3, 5)
    """

    kind: Literal["table"] = "table"
    table: tuple[tuple[Annotated[int, Field(ge=0, lt=LARGEST_TASK)] | None, ...], ...]
    """Row a, column b holds the answer of (a, b); null where the pair is no input."""
    name: str = Field(default="a table", min_length=1, max_length=80)
    """What the task is called."""

    @field_validator("table", mode="before")
    @classmethod
    def _from_lists(cls, table: Any) -> Any:
        """Take lists and arrays too; they are kept as tuples."""
        if isinstance(table, np.ndarray):
            table = table.tolist()
        if isinstance(table, Sequence) and not isinstance(table, str):
            return tuple(tuple(row) if isinstance(row, list) else row for row in table)
        return table

    @field_validator("table")
    @classmethod
    def _is_rectangle(cls, table: tuple[tuple[int | None, ...], ...]) -> tuple[tuple[int | None, ...], ...]:
        lengths = {len(row) for row in table}
        if len(lengths) != 1 or max(len(table), *lengths) > LARGEST_TASK or 0 in lengths:
            raise ValueError(
                f"needs 1 to {LARGEST_TASK} rows of one length; got {len(table)} rows of lengths "
                f"{sorted(lengths)[:3]}"
            )
        return table

    def build(self) -> Task:
        """List every pair that the table answers."""
        cells = np.array(
            [[-1 if cell is None else cell for cell in row] for row in self.table], dtype=np.int64
        )
        n_left, n_right = cells.shape
        inputs = cells.ravel() >= 0
        task = Task(
            name=self.name,
            pairs=_all_pairs(n_left, n_right)[inputs],
            answers=cells.ravel()[inputs],
            n_elements=max(n_left, n_right, int(cells.max()) + 1),
            n_left=n_left,
            n_right=n_right,
            layout=self.layout,
            group=_group_of(self.name, cells),
        )
        return self._labelled(task)


TaskConfig = Annotated[ModularTask | GroupTask | TableTask, Field(discriminator="kind")]
"""Any task the house can build, told apart by ``kind``."""


def _group_of(name: str, cells: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Group | None:
    """The group that a table is of, if it is one's."""
    try:
        return from_table(cells, name=name)
    except PhasescopeError:
        return None


def _all_pairs(n_left: int, n_right: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Every (a, b) in lexicographic order."""
    return np.stack(np.divmod(np.arange(n_left * n_right), n_right), axis=1)
