"""Splits: which inputs a network is trained on, as pure functions of (task, kind, seed, fraction).

Each published kind is the authors' own shuffle, reproduced exactly; none touches a global random stream.
"""

import difflib
import random
import reprlib
import zlib
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int64
from pydantic import Field, ValidationError

from phasescope.config import Config, one_line
from phasescope.errors import PhasescopeError
from phasescope.tasks.operations import evaluate
from phasescope.tasks.task import Task

SplitKind = Literal["nanda2023", "chughtai2023", "power2022", "phasescope", "all"]
"""Whose shuffle decides."""


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of ``task.pairs`` that are trained on, and rows that are held out.

    Attributes:
        train: Rows trained on, in the order in which the kind draws them.
        test: Rows held out; empty for the kind "all".
    """

    train: Int64[np.ndarray, " train"]
    test: Int64[np.ndarray, " test"]

    def __post_init__(self) -> None:
        """Check that no row is used twice."""
        rows = np.concatenate([self.train, self.test])
        if (rows < 0).any() or (np.bincount(rows) > 1).any():
            raise PhasescopeError("a split needs rows of 0 or more, each in train or test once; got others")


class SplitConfig(Config):
    """How a task's inputs are divided; ``split`` does it.

    The kinds, with n the number of inputs in lexicographic order:

    - nanda2023: Python's ``random.seed(seed)`` and ``shuffle``; the first ``int(fraction * n)`` train.
    - chughtai2023: ``torch.manual_seed(seed)`` and ``torch.randperm(n)`` on the CPU; the first
      ``int(fraction * n)`` train. TransformerLens' demo does the same.
    - power2022: numpy's ``RandomState(seed).shuffle``; the first ``round(n * fraction)`` train. They list
      a division by its quotient and divisor, so for "a/b" that order is shuffled.
    - phasescope: numpy's PCG64 on a stream of its own; the first ``round(fraction * n)`` train.
    - all: every input trains, nothing is held out; seed and fraction play no part.

    References:
        nanda2023: Progress measures for grokking via mechanistic interpretability.
        chughtai2023: A toy model of universality.
        power2022: Grokking: generalization beyond overfitting on small algorithmic datasets.

    Example:
        >>> from phasescope.tasks.config import ModularTask
        >>> split = SplitConfig(kind="nanda2023", fraction=0.3, seed=0).split(ModularTask().build())
        >>> len(split.train), len(split.test)
        (3830, 8939)
    """

    kind: SplitKind
    """Whose shuffle decides."""
    fraction: float = Field(default=0.3, gt=0, le=1)
    """Share of the inputs that is trained on."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the shuffle."""

    def __str__(self) -> str:
        """The text that ``parse_split`` reads."""
        return "all" if self.kind == "all" else f"{self.kind}:{self.seed}:{self.fraction}"

    def split(self, task: Task) -> Split:
        """Divide the inputs of a task.

        Args:
            task: The task; only its pairs matter (and for power2022 whether it is a division).

        Returns:
            The rows of ``task.pairs`` to train on and to hold out.

        Raises:
            PhasescopeError: If nothing is left to train on, or (but for "all") nothing to hold out.
        """
        n = len(task.pairs)
        if self.kind == "all":
            return Split(train=np.arange(n), test=np.arange(0))
        order, n_train = self._shuffle(task)
        if not 0 < n_train < n:
            raise PhasescopeError(
                f"split {self} needs inputs on both sides; of the {n} of {task.name} it trains on {n_train} "
                f"and holds out {n - n_train}; choose another fraction"
            )
        return Split(train=order[:n_train], test=order[n_train:])

    def _shuffle(self, task: Task) -> tuple[Int64[np.ndarray, " example"], int]:
        """Every row in the order drawn, and how many of them train."""
        n = len(task.pairs)
        if self.kind == "nanda2023":
            rows = list(range(n))
            random.Random(self.seed).shuffle(rows)
            return np.array(rows, dtype=np.int64), int(self.fraction * n)
        if self.kind == "chughtai2023":
            return _torch_randperm(n, self.seed), int(self.fraction * n)
        if self.kind == "power2022":
            rows_in_order = _power2022_order(task)
            np.random.RandomState(self.seed).shuffle(rows_in_order)
            return rows_in_order, round(n * self.fraction)
        stream = np.random.default_rng([self.seed, zlib.crc32(b"split")])
        return stream.permutation(n), round(self.fraction * n)


def parse_split(text: str) -> SplitConfig:
    """Read a split from "KIND:SEED:FRACTION", or "all".

    Args:
        text: Such as "nanda2023:0:0.3".

    Returns:
        The split's config.

    Raises:
        PhasescopeError: In one line, if the text is no split.

    Example:
        >>> parse_split("nanda2023:0:0.3")
        SplitConfig(kind='nanda2023', fraction=0.3, seed=0)
        >>> str(parse_split("all"))
        'all'
    """
    if text == "all":
        return SplitConfig(kind="all", fraction=1.0)
    kind, *rest = text.split(":")
    kinds = get_args(SplitKind)
    if kind not in kinds:
        near = difflib.get_close_matches(kind, kinds, n=1, cutoff=0.4)
        raise PhasescopeError(
            f"a split's kind is one of {', '.join(kinds)}; got {reprlib.repr(kind)}"
            + (f"; did you mean {near[0]}?" if near else "")
        )
    try:
        if kind == "all":
            raise ValueError("it has neither seed nor fraction")
        seed, fraction = rest
        return SplitConfig(kind=kind, seed=int(seed), fraction=float(fraction))  # type: ignore[arg-type]
    except ValidationError as error:
        raise PhasescopeError(one_line(error, SplitConfig, f"split {reprlib.repr(text)}")) from None
    except ValueError:
        raise PhasescopeError(
            f"a split reads like nanda2023:0:0.3 (KIND:SEED:FRACTION), or all; got {reprlib.repr(text)}"
        ) from None


def _torch_randperm(n: int, seed: int) -> Int64[np.ndarray, " example"]:
    """What ``torch.randperm(n)`` gives on the CPU after ``torch.manual_seed(seed)``.

    Both libraries seed the Mersenne twister alike; torch swaps each place with one at or after it,
    the remainder of a 32-bit draw away.
    """
    draws = np.random.RandomState(seed).randint(0, 2**32, size=n, dtype=np.uint32).astype(np.int64)
    rows = list(range(n))
    for i, offset in enumerate((draws % np.arange(n, 0, -1)).tolist()):
        rows[i], rows[i + offset] = rows[i + offset], rows[i]
    return np.array(rows, dtype=np.int64)


def _power2022_order(task: Task) -> Int64[np.ndarray, " example"]:
    """The rows in the order in which power2022 lists them before the shuffle."""
    if task.operation == "a/b" and task.modulus is not None:
        dividend, divisor = task.pairs.T
        quotient, _ = evaluate("a/b", dividend, divisor, task.modulus)
        return np.lexsort((divisor, quotient)).astype(np.int64)
    return np.arange(len(task.pairs))
