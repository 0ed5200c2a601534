"""The table of an operation with its held-out answers left blank, as power2022 draws it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from phasescope.errors import PhasescopeError
from phasescope.tasks.split import Split
from phasescope.tasks.task import Task

BLANK = -1
"""What stands in a cell whose answer is held out, or that is no input."""


def operation_table(task: Task, split: Split | None = None) -> Int64[np.ndarray, "left right"]:
    """Return the table of a task's answers, blank where a network has to fill them in.

    Args:
        task: The task.
        split: Whose held-out answers are blank; without it every answer is shown.

    Returns:
        Row a, column b holds the answer of (a, b), or -1 if it is held out or (a, b) is no input.

    Raises:
        PhasescopeError: If the split is of a larger task.

    References:
        power2022: Grokking: generalization beyond overfitting on small algorithmic datasets, figure 1.

    Example:
        >>> from phasescope.tasks.config import ModularTask
        >>> task = ModularTask(operation="a+b", p=3).build()
        >>> operation_table(task, Split(train=np.array([0, 5]), test=np.array([1, 2, 3, 4, 6, 7, 8])))
        array([[ 0, -1, -1],
               [-1, -1,  0],
               [-1, -1, -1]])
    """
    shown = np.arange(len(task.pairs)) if split is None else split.train
    if len(shown) and shown.max() >= len(task.pairs):
        raise PhasescopeError(
            f"the split needs to be one of {task.name}, which has {len(task.pairs)} inputs; "
            f"it trains on row {shown.max()}"
        )
    table = np.full((task.n_left, task.n_right), BLANK)
    left, right = task.pairs[shown].T
    table[left, right] = task.answers[shown]
    return table


def format_table(
    table: Int64[np.ndarray, "left right"],
    labels: Sequence[str] | None = None,
    corner: str = "",
    most: int = 20,
) -> str:
    """Return a table as aligned text, left operands down the side and right operands along the top.

    Args:
        table: Answers, negative where the cell is blank (printed as a dot).
        labels: What each element is called, such as ``Group.labels``; its number if left out.
        corner: What stands in the upper left corner, such as the operation.
        most: Rows and columns printed; a last line says how large the whole table is if it is larger.

    Returns:
        The text, without a line break at the end.

    Raises:
        PhasescopeError: If an element has no label, or nothing may be printed.

    Example:
        >>> print(format_table(np.array([[0, 1, -1], [1, -1, 0], [-1, 0, 1]]), corner="+"))
        + | 0 1 2
        --+------
        0 | 0 1 .
        1 | 1 . 0
        2 | . 0 1
    """
    if most < 1:
        raise PhasescopeError(f"a table needs at least one row and column to print; got most={most}")
    n_elements = max(*table.shape, int(table.max(initial=0)) + 1)
    names = [str(element) for element in range(n_elements)] if labels is None else list(labels)
    if len(names) < n_elements:
        raise PhasescopeError(f"format_table needs {n_elements} labels; got {len(names)}")
    part = table[:most, :most]
    head = [corner, *names[: part.shape[1]]]
    body = [
        [names[a], *("." if cell < 0 else names[cell] for cell in row)] for a, row in enumerate(part.tolist())
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [_line(row, widths) for row in [head, *body]]
    lines.insert(1, "-" * widths[0] + "-+" + "-" * (sum(widths[1:]) + len(widths) - 1))
    if part.shape != table.shape:
        lines.append(f"({part.shape[0]} x {part.shape[1]} of {table.shape[0]} x {table.shape[1]} shown)")
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One row of the text: the heading, a bar, and the cells set to the right."""
    heading, *rest = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return f"{heading} | {' '.join(rest)}"
