"""Activations moved from one sum to its twin: which part brings the carry, and which a column's digits."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from phasescope.circuits.sequences.ablation import Part, parts_of
from phasescope.circuits.sequences.context import SequenceContext
from phasescope.errors import PhasescopeError
from phasescope.models.hooks import Hook
from phasescope.models.model import Model
from phasescope.streams import stream_of
from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.sequences import Sequences

Carries = Literal["carry", "column"]
"""What twins differ in: whether a carry comes into a digit, or the digits of its own column."""


def twins(
    task: AdditionTask, digit: int, what: Carries, n: int = 200, seed: int = 0
) -> tuple[Sequences, Sequences]:
    """Return pairs of sums that want different answers at one digit, for one reason.

    Twins in "carry" agree in the digit's own column and in all above it; below it no carry comes in from the
    first and one does from the second. Twins in "column" agree everywhere but in the column itself, whose
    sums differ modulo 10. The leading digit is a carry and has no column.

    Args:
        task: Addition.
        digit: Which digit of the answer, 0 for the leading one.
        what: What they differ in.
        n: Number of pairs.
        seed: Of the numbers.

    Raises:
        PhasescopeError: If the units are asked for a carry, or the leading digit for a column.

    Example:
        >>> first, second = twins(AdditionTask(digits=2), 1, "carry", n=1)
        >>> (first.notes["carry_in"][0, 6], second.notes["carry_in"][0, 6])
        (np.int64(0), np.int64(1))
    """
    digits = task.digits
    if not (0 <= digit < digits if what == "carry" else 0 < digit <= digits):
        raise PhasescopeError(f"no {what} comes into digit {digit} of {digits}")
    stream = stream_of("twins", seed, digit)
    (x, y), (u, v) = stream.integers(10, size=(2, 2, n, digits))
    if what == "carry":
        # the columns below, drawn until they give what is wanted
        below = [_below(stream, n, digits - digit, carry) for carry in (False, True)]
        pairs = [(np.hstack([x[:, :digit], a]), np.hstack([y[:, :digit], b])) for a, b in below]
    else:
        column = digit - 1
        same = (u[:, column] + v[:, column] - x[:, column] - y[:, column]) % 10 == 0
        u[same, column] = (u[same, column] + 1) % 10
        for other, one in ((u, x), (v, y)):
            other[:, :column], other[:, digit:] = one[:, :column], one[:, digit:]
        pairs = [(x, y), (u, v)]
    first, second = (task.write(left, right) for left, right in pairs)
    return first, second


@dataclass(frozen=True, eq=False)
class Moved:
    """How often a patched part brings the other sum's digit.

    Args:
        what: What the twins differ in.
        parts: What was patched, one row each.
        digits: Digits of the answer, one column each.
        share: Of the pairs both of which the network answers rightly, those whose answer becomes the other's;
            NaN where there is none.
        n: Such pairs of each digit.
    """

    what: Carries
    parts: tuple[str, ...]
    digits: tuple[int, ...]
    share: Float64[np.ndarray, "part digit"]
    n: Int64[np.ndarray, " digit"]


def patched(model: Model, task: AdditionTask, what: Carries, n: int = 200, seed: int = 0) -> Moved:
    """Give every part, where a digit is asked, what it held in a twin; count the answers that follow it.

    Args:
        model: A network on addition.
        task: The task it was trained on.
        what: What the twins differ in.
        n: Pairs of each digit.
        seed: Of the numbers.

    Returns:
        A share by part and digit: 1 where that part alone decides what the twins differ in.

    References:
        quirke2023: Understanding Addition in Transformers.
    """
    digits = tuple(range(task.digits)) if what == "carry" else tuple(range(1, task.digits + 1))
    columns: list[list[float]] = []
    counts: list[int] = []
    parts: tuple[Part, ...] = ()
    for digit in digits:
        first, second = (SequenceContext(model, some) for some in twins(task, digit, what, n, seed))
        parts = parts_of(first)
        at = 2 * task.digits + 1 + digit
        here = torch.arange(n) * (task.digits + 1) + digit  # this digit's question of every sum
        both = first.right(first.logits)[here] & second.right(second.logits)[here]
        wanted = second.targets[here]
        followed = [first.with_hooks(_from(second, part, at))[here].argmax(-1) == wanted for part in parts]
        columns.append([one[both].double().mean().item() for one in followed])
        counts.append(int(both.sum()))
    return Moved(what, tuple(map(str, parts)), digits, np.array(columns).T, np.array(counts))


def _from(source: SequenceContext, part: Part, at: int) -> dict[str, Hook]:
    """Put what a part holds in the source at one position in its place."""
    name = f"blocks.{part.layer}." + ("mlp_out" if part.head is None else "attn.z")
    index = (slice(None), at) if part.head is None else (slice(None), at, part.head)

    def hook(value: Tensor) -> Tensor:
        changed = value.clone()
        changed[index] = source.cache[name][index]
        return changed

    return {name: hook}


def _below(
    stream: np.random.Generator, n: int, columns: int, carry: bool
) -> tuple[Int64[np.ndarray, "n column"], Int64[np.ndarray, "n column"]]:
    """Draw numbers of some columns whose sum does, or does not, give a carry."""
    kept: list[np.ndarray] = []
    while sum(map(len, kept)) < n:
        both = stream.integers(10, size=(4 * n, 2, columns))
        overflows = (both @ 10 ** np.arange(columns)[::-1]).sum(1) >= 10**columns
        kept.append(both[overflows == carry])
    drawn = np.concatenate(kept)[:n]
    return drawn[:, 0], drawn[:, 1]
