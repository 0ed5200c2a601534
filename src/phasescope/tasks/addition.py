"""Addition of numbers of several digits, written out: 5 9 + 0 4 = 0 6 3."""

from typing import Literal

import numpy as np
from jaxtyping import Int64
from pydantic import Field

from phasescope.config import Config
from phasescope.tasks.sequences import Sequences, SequenceTask, asked_nowhere

PLUS, EQUALS = 10, 11


class AdditionTask(Config):
    """Two numbers, their sum with its leading digit, most significant digits first.

    The tokens are ``x.. + y.. = c z..``: digits 0 to 9, '+' is 10, '=' is 11, and c is the final carry.
    Each digit of the sum is asked at the token before it, so the last token is read by nobody.
    Numbers are uniform, but for ``sum9``.

    Notes of each asked position: ``digit`` (0 for the leading one, ``digits`` for the units), ``carry_in``
    (0 or 1), ``chain`` (columns that the carry coming in has travelled, 0 without one) and ``sum9`` (columns
    directly below whose digits add up to nine, which hand a carry on).

    References:
        nanda2023: 5-digit addition, appendix. quirke2023: carries and sums of nine.

    Example:
        >>> one = AdditionTask(digits=2).build().draw(np.random.default_rng(5), 1)
        >>> one.tokens.tolist()
        [[6, 8, 10, 0, 8, 11, 0, 7, 6]]
        >>> one.targets.tolist(), one.notes["carry_in"].tolist()
        ([[-1, -1, -1, -1, -1, 0, 7, 6, -1]], [[-1, -1, -1, -1, -1, 0, 1, 0, -1]])
    """

    kind: Literal["addition"] = "addition"
    digits: int = Field(default=5, ge=1, le=20)
    """Digits of each number."""
    sum9: float = Field(default=0.0, ge=0, le=1)
    """Share of columns whose two digits are made to add up to nine, so that long cascades are seen."""

    def build(self) -> SequenceTask:
        """Return the task."""
        name = f"{self.digits}-digit addition" + (f", {self.sum9:g} of columns sum to 9" if self.sum9 else "")
        words = {PLUS: "+", EQUALS: "="}
        return SequenceTask(name, 3 * self.digits + 3, 12, 10, self._draw, words=words)

    def _draw(self, stream: np.random.Generator, n: int) -> Sequences:
        x, y = stream.integers(10, size=(2, n, self.digits))
        if self.sum9:
            y = np.where(stream.random((n, self.digits)) < self.sum9, 9 - x, y)
        return self.write(x, y)

    def write(self, x: Int64[np.ndarray, "n digit"], y: Int64[np.ndarray, "n digit"]) -> Sequences:
        """Write sums out, with their answers and notes.

        Args:
            x: Digits of the left numbers, the most significant first.
            y: Digits of the right numbers.

        Example:
            >>> some = AdditionTask(digits=2).write(np.array([[5, 9]]), np.array([[0, 4]]))
            >>> some.tokens.tolist()
            [[5, 9, 10, 0, 4, 11, 0, 6, 3]]
        """
        digits, n, total = self.digits, len(x), x + y
        z = np.zeros((n, digits + 1), dtype=np.int64)
        carry, chain, run = (np.zeros((n, digits + 1), dtype=np.int64) for _ in range(3))
        for column in range(digits, 0, -1):  # the units stand last; column 0 of z is the final carry
            added = total[:, column - 1] + carry[:, column]
            z[:, column] = added % 10
            nine = total[:, column - 1] == 9
            carry[:, column - 1] = added >= 10
            run[:, column - 1] = np.where(nine, run[:, column] + 1, 0)
            chain[:, column - 1] = np.where(added >= 10, np.where(nine, chain[:, column] + 1, 1), 0)
        z[:, 0] = carry[:, 0]
        plus, equals = (np.full((n, 1), token) for token in (PLUS, EQUALS))
        where = slice(2 * digits + 1, 3 * digits + 2)
        notes = {
            "digit": np.broadcast_to(np.arange(digits + 1), z.shape),
            "carry_in": carry,
            "chain": chain,
            "sum9": run,
        }
        return Sequences(
            np.concatenate([x, plus, y, equals, z], axis=1),
            _placed(z, where),
            {note: _placed(values, where) for note, values in notes.items()},
        )


def _placed(values: Int64[np.ndarray, "n digit"], where: slice) -> Int64[np.ndarray, "n pos"]:
    """Put one value per digit where the digit is asked."""
    placed = asked_nowhere(len(values), 3 * values.shape[1])
    placed[:, where] = values
    return placed
