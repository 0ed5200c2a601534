"""How unequal, and how few, the numbers of a list are."""

import numpy as np
from jaxtyping import Float64

from phasescope.errors import PhasescopeError


def gini(values: Float64[np.ndarray, " item"]) -> float:
    """Return the Gini coefficient: 0 when all values are equal, near 1 when one holds everything.

    With the values sorted in rising order, G = Σ (2i - n - 1) v_i / (n Σ v), which is half the mean
    absolute difference of two values over their mean.

    Args:
        values: Numbers that are not negative, at least one.

    Returns:
        The coefficient, in ``[0, 1 - 1/n]``; 0 for a list of zeros.

    Raises:
        PhasescopeError: If a value is negative or the list is empty.

    References:
        nanda2023: figure 7 follows the Gini coefficients of W_E and W_L in the Fourier basis.

    Example:
        >>> gini(np.array([1.0, 1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 5.0]))
        (0.0, 0.75)
    """
    n = len(values)
    if n == 0 or values.min() < 0:
        raise PhasescopeError(f"gini needs at least one value and none negative; got {n} values")
    total = float(values.sum())
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return float(ranks @ np.sort(values)) / (n * total) if total > 0 else 0.0


def effective_rank(singular_values: Float64[np.ndarray, " item"]) -> float:
    """Return exp of the entropy of the normalised singular values: how many of them share the weight.

    Args:
        singular_values: Numbers that are not negative, with a positive sum.

    Returns:
        A number between 1 (a single value) and n (all equal).

    Raises:
        PhasescopeError: If a value is negative or all are zero.

    References:
        roy2007: The effective rank: a measure of effective dimensionality.

    Example:
        >>> round(effective_rank(np.array([2.0, 2.0, 0.0])), 12)
        2.0
    """
    if len(singular_values) == 0 or singular_values.min() < 0 or singular_values.sum() <= 0:
        raise PhasescopeError("effective_rank needs singular values that are not negative, and not all zero")
    share = singular_values[singular_values > 0] / singular_values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
