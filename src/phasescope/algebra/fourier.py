"""The one Fourier basis of the house: functions on Z_p, and the directions a sum makes on pairs."""

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.errors import PhasescopeError


def frequencies(p: int) -> range:
    """Return every frequency of a real function on Z_p: 1 .. p//2, the highest included.

    Code that stops at p//2 - 1 loses a frequency that trained networks do use (56 for p = 113).

    Args:
        p: Modulus, at least 2.

    Returns:
        The range ``1 .. p//2``.

    Raises:
        PhasescopeError: If ``p`` is below 2.

    Example:
        >>> list(frequencies(7)), list(frequencies(8))
        ([1, 2, 3], [1, 2, 3, 4])
    """
    _check_modulus(p)
    return range(1, p // 2 + 1)


def rows_of(p: int, k: int) -> tuple[int, ...]:
    """Return the rows of `fourier_basis` that frequency ``k`` owns: cosine and sine, or one for k = p/2.

    Args:
        p: Modulus, at least 2.
        k: Frequency in ``1 .. p//2``.

    Returns:
        Row numbers; two of them, except for ``k = p/2``, whose sine vanishes on the integers.

    Raises:
        PhasescopeError: If ``k`` is not a frequency of Z_p.

    Example:
        >>> rows_of(113, 14), rows_of(8, 4)
        ((27, 28), (7,))
    """
    check_frequency(p, k)
    return (2 * k - 1,) if 2 * k == p else (2 * k - 1, 2 * k)


def fourier_basis(p: int) -> Float64[np.ndarray, "component residue"]:
    """Return the orthonormal real Fourier basis of functions on Z_p, for any modulus.

    Row 0 is constant; rows 2k-1 and 2k are the cosine and the sine of frequency k, for k = 1 .. (p-1)//2.
    An even p has one row more, (-1)^x, last: without it the basis would not be complete. The transform of
    a table over (a, b) is ``F @ table @ F.T``.

    Args:
        p: Modulus, at least 2.

    Returns:
        Basis of shape ``(component=p, residue=p)``, no unit.

    Raises:
        PhasescopeError: If ``p`` is below 2.

    References:
        nanda2023: Progress measures for grokking via mechanistic interpretability, appendix A.

    Example:
        >>> basis = fourier_basis(113)
        >>> basis.shape, float(abs(basis @ basis.T - np.eye(113)).max()) < 1e-13
        ((113, 113), True)
        >>> signal = np.cos(2 * np.pi * 56 * np.arange(113) / 113)
        >>> int(abs(basis @ signal).argmax())
        111
    """
    waves = [wave for k in frequencies(p) for wave in _waves(p, k, np.arange(p))]
    return _units(np.stack([np.ones(p), *waves]))


def sum_directions(p: int, k: int) -> Float64[np.ndarray, "direction pair"]:
    """Return the unit vectors cos(w_k(a+b)) and sin(w_k(a+b)) over all pairs, with pair = a*p + b.

    These are what a network that adds on circles writes its answer along. With unit rows ``c`` and ``s`` of
    the basis they are (c⊗c - s⊗s)/√2 and (s⊗c + c⊗s)/√2.

    Args:
        p: Modulus, at least 2.
        k: Frequency in ``1 .. p//2``.

    Returns:
        Directions of shape ``(direction, pair=p*p)``: two of them, one for ``k = p/2``.

    Raises:
        PhasescopeError: If ``k`` is not a frequency of Z_p.

    References:
        nanda2023: section 4.2, where restricted and excluded loss project on these directions.

    Example:
        >>> directions = sum_directions(7, 2)
        >>> directions.shape, np.round(directions @ directions.T, 12).tolist()
        ((2, 49), [[1.0, 0.0], [0.0, 1.0]])
    """
    check_frequency(p, k)
    residues = np.arange(p)
    sums = np.add.outer(residues, residues).ravel() % p
    return _units(np.stack(_waves(p, k, sums)))


def check_frequency(p: int, k: int) -> None:
    """Refuse a ``k`` that is no frequency of Z_p.

    Args:
        p: Modulus, at least 2.
        k: The number offered as a frequency.

    Raises:
        PhasescopeError: If ``k`` is not in ``1 .. p//2``.

    Example:
        >>> check_frequency(113, 56)
    """
    if k not in frequencies(p):
        raise PhasescopeError(f"a frequency of Z_{p} lies in 1..{p // 2}; got {k}")


def _units(rows: Float64[np.ndarray, "row point"]) -> Float64[np.ndarray, "row point"]:
    """Scale every row to length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _waves(p: int, k: int, x: Int64[np.ndarray, " point"]) -> tuple[Float64[np.ndarray, " point"], ...]:
    """Cosine and sine of frequency k at the integers x; the angle is reduced in integers first."""
    angle = 2 * np.pi * (k * x % p) / p
    return (np.cos(angle),) if 2 * k == p else (np.cos(angle), np.sin(angle))


def _check_modulus(p: int) -> None:
    if p < 2:
        raise PhasescopeError(f"a Fourier basis needs a modulus of at least 2; got p={p}")
