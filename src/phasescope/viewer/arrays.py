"""Arrays on their way to a page: little-endian bytes in base64, which a browser reads as typed arrays."""

import base64
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

Points = tuple[Int64[np.ndarray, " point"], Float64[np.ndarray, " point"]]
"""Steps, ascending, and the values at them."""
Reduced = tuple[Int64[np.ndarray, " kept"], Float64[np.ndarray, " kept"]]
"""Some of the points."""


def packed(array: NDArray[Any], kind: str) -> str:
    """Write an array as base64 of its little-endian bytes.

    Args:
        array: Numbers of any shape, laid out row by row.
        kind: ``f2``, ``f4`` or ``f8``: what the page reads it as.

    Returns:
        The text.

    Example:
        >>> packed(np.array([1.0, 2.0]), "f8"), unpacked(packed(np.array([1.0, 2.0]), "f8"), "f8").tolist()
        ('AAAAAAAA8D8AAAAAAAAAQA==', [1.0, 2.0])
    """
    return base64.b64encode(np.ascontiguousarray(array, dtype=f"<{kind}").tobytes()).decode()


def unpacked(text: str, kind: str) -> NDArray[Any]:
    """Read back what ``packed`` wrote, flat."""
    return np.frombuffer(base64.b64decode(text), dtype=f"<{kind}")


def spread(n: int, at_most: int) -> Int64[np.ndarray, " kept"]:
    """Choose places out of ``n``, evenly, the first and the last among them.

    Args:
        n: How many there are.
        at_most: How many may be kept, at least 2.

    Returns:
        Their indices, rising.

    Example:
        >>> spread(9, 5).tolist(), spread(3, 5).tolist()
        ([0, 2, 4, 6, 8], [0, 1, 2])
    """
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(np.int64)) if n else np.arange(0)


def reduced(points: Points, at_most: int = 4000) -> Reduced:
    """Thin a series so that no spike is lost: first, last and the extremes of each stretch stay.

    Args:
        points: Steps and values.
        at_most: How many points may be kept.

    Returns:
        Some of the points themselves, never a mean of them.

    Example:
        >>> steps, values = np.arange(10_000), np.zeros(10_000)
        >>> values[4321] = 7.0
        >>> few = reduced((steps, values), 100)
        >>> len(few[0]) <= 100, float(few[1].max()), few[0][[0, -1]].tolist()
        (True, 7.0, [0, 9999])
    """
    steps, values = points
    if len(steps) <= at_most:
        return points
    edges = np.linspace(0, len(steps), max((at_most - 2) // 2, 1) + 1).astype(np.int64)
    kept = {0, len(steps) - 1}
    missing = np.isnan(values)
    for start, end in pairwise(edges.tolist()):
        there = np.flatnonzero(~missing[start:end]) if missing[start:end].any() else slice(None)
        part = values[start:end][there]
        for place in (part.argmin(), part.argmax()) if len(part) else ():
            kept.add(int(start + (place if isinstance(there, slice) else there[place])))
    chosen = np.array(sorted(kept))
    return steps[chosen], values[chosen]
