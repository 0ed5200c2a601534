"""Real orthogonal representations of a group: what one is, and how any of them falls apart."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from phasescope.algebra.groups import Group

SAME_EIGENVALUE = 1e-6
"""Eigenvalues of a random commuting matrix of norm about 1 that differ by less belong together."""


@dataclass(frozen=True, eq=False)
class Representation:
    """A real orthogonal representation: a matrix for every element, with rho(gh) = rho(g) rho(h).

    Attributes:
        name: What it is called: a partition such as "(4,1)", a frequency such as "k=14", "sign".
        matrices: rho(g) for every element.

    Example:
        >>> import numpy as np
        >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])
        >>> quarter = Representation("k=1", np.stack([np.linalg.matrix_power(turn, g) for g in range(4)]))
        >>> quarter.dimension, quarter.indicator_dimension, quarter.character.tolist()
        (2, 2, [2.0, 0.0, -2.0, 0.0])
    """

    name: str
    matrices: Float64[np.ndarray, "g d d"]

    @property
    def dimension(self) -> int:
        """Size d of the matrices."""
        return int(self.matrices.shape[1])

    @cached_property
    def character(self) -> Float64[np.ndarray, " g"]:
        """The trace of every element's matrix."""
        return np.asarray(np.trace(self.matrices, axis1=1, axis2=2))

    @cached_property
    def indicator_dimension(self) -> int:
        """Dimension e of the algebra that commutes with it, the mean of the squared character.

        Of an irreducible representation it is 1, 2 or 4: real, complex (two conjugate complex ones, such as a
        rotation of C_n) or quaternionic. Where e is 2 or 4, its matrix elements span d²/e functions only.
        """
        return round(float(np.mean(self.character**2)))

    @property
    def n_functions(self) -> int:
        """Dimension d²/e of the space of functions that its matrix elements span."""
        return self.dimension**2 // self.indicator_dimension

    @property
    def is_trivial(self) -> bool:
        """Whether every element has the matrix (1)."""
        return self.dimension == 1 and bool((self.character > 0.5).all())


def tensor_product(left: Representation, right: Representation, name: str = "") -> Representation:
    """Return the representation of a direct product that a representation of each factor makes.

    Args:
        left: Of the factor whose element varies slowest.
        right: Of the factor whose element varies fastest.
        name: What to call it; both names, if left out.

    Returns:
        The Kronecker products, in the numbering of ``named_groups.product``.

    Example:
        >>> import numpy as np
        >>> sign = Representation("sign", np.array([[[1.0]], [[-1.0]]]))
        >>> tensor_product(sign, sign).character.tolist()
        [1.0, -1.0, -1.0, 1.0]
    """
    d = left.dimension * right.dimension
    both = np.einsum("gij,hkl->ghikjl", left.matrices, right.matrices)
    return Representation(name or f"{left.name}*{right.name}", both.reshape(-1, d, d))


def split(matrices: Float64[np.ndarray, "g d d"]) -> list[Float64[np.ndarray, "g _ _"]]:
    """Return the irreducible parts of a real orthogonal representation, each in a basis of its own.

    The mean of rho(g) M rho(g)' over the group commutes with every rho(g). For a generic symmetric M its
    eigenspaces are irreducible over the real numbers. M is drawn from a fixed seed, so that the parts are the
    same at every call.

    Args:
        matrices: The representation.

    Returns:
        The parts, orthogonal again; equivalent ones are all there.

    References:
        serre1977: Linear representations of finite groups, sections 1.3 and 2.2.

    Example:
        >>> from phasescope.algebra.named_groups import cyclic
        >>> [part.shape[1] for part in split(regular(cyclic(5)))]
        [2, 1, 2]
    """
    n, d, _ = matrices.shape
    noise = np.random.default_rng(0).normal(size=(d, d))
    mean = np.zeros((d, d))
    for rho in matrices:
        mean += rho @ (noise + noise.T) @ rho.T
    values, vectors = np.linalg.eigh(mean / n)
    first = np.flatnonzero(np.diff(values, prepend=-np.inf) > SAME_EIGENVALUE * max(1.0, abs(values).max()))
    return [part.T @ matrices @ part for part in np.split(vectors, first[1:], axis=1)]


def regular(group: Group) -> Float64[np.ndarray, "g h h"]:
    """Return the regular representation: element g sends the basis vector of h to that of g*h.

    Args:
        group: Any finite group; the matrices have order³ entries.

    Returns:
        Permutation matrices.

    Example:
        >>> from phasescope.algebra.named_groups import cyclic
        >>> regular(cyclic(3))[1].tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    n = group.order
    matrices = np.zeros((n, n, n))
    matrices[np.arange(n)[:, None], group.table, np.arange(n)] = 1.0
    return matrices


def from_generators(
    group: Group, generators: dict[int, Float64[np.ndarray, "d d"]]
) -> Float64[np.ndarray, "g d d"]:
    """Return the matrix of every element from those of some generators.

    Args:
        group: The group.
        generators: Element to its matrix; their products reach every element.

    Returns:
        The representation; each matrix is a product of at most as many generators as the element is far.

    Example:
        >>> import numpy as np
        >>> from phasescope.algebra.named_groups import cyclic
        >>> from_generators(cyclic(4), {1: np.array([[-1.0]])}).ravel().tolist()
        [1.0, -1.0, 1.0, -1.0]
    """
    d = len(next(iter(generators.values()), np.eye(1)))
    matrices = np.zeros((group.order, d, d))
    matrices[group.identity] = np.eye(d)
    reached, frontier = {group.identity}, [group.identity]
    while frontier:
        ahead: list[int] = []
        for g in frontier:
            for s, matrix in generators.items():
                product = int(group.table[s, g])
                if product not in reached:
                    reached.add(product)
                    ahead.append(product)
                    matrices[product] = matrix @ matrices[g]
        frontier = ahead
    assert len(reached) == group.order, "the generators do not reach every element"
    return matrices


def homomorphism_error(group: Group, matrices: Float64[np.ndarray, "g d d"]) -> float:
    """Return the largest entry of rho(g) rho(h) - rho(gh) over all pairs of elements.

    Args:
        group: The group.
        matrices: What claims to be a representation.

    Returns:
        0 up to rounding for a representation.

    Example:
        >>> from phasescope.algebra.named_groups import cyclic
        >>> homomorphism_error(cyclic(3), regular(cyclic(3)))
        0.0
    """
    rows: list[Int64[np.ndarray, " h"]] = list(group.table)
    return max(float(np.abs(matrices[g] @ matrices - matrices[row]).max()) for g, row in enumerate(rows))
