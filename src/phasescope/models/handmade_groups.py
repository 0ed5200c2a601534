"""Two networks written by hand that multiply in a group: one by matrices, one by cosets.

Both give every pair its product, and both have logits that are characters of a b c⁻¹. What tells them apart
is inside: a neuron of the first sees generic matrix elements, one of the second only which coset an element
is in.
"""

from collections.abc import Sequence

import numpy as np
import torch

from phasescope.algebra.cosets import cosets
from phasescope.algebra.groups import Group
from phasescope.algebra.irreps import irreps
from phasescope.algebra.subgroups import Subgroup
from phasescope.errors import PhasescopeError, look_up
from phasescope.models.build import model_from_parameters
from phasescope.models.config import EmbeddingMLPConfig, Shape
from phasescope.models.max_margin import max_margin_group_network
from phasescope.models.model import Model


def representation_network(
    group: Group, names: Sequence[str], amplitude: float = 2.0, seed: int = 0, n_ctx: int = 2
) -> Model:
    """Return a network whose logits are Σ_rho 4 A³ d tr rho(a) rho(b) rho(c⁻¹), with quadratic neurons.

    An irrep of dimension d has 2 d³ neurons, (rho(a)_ij + rho(b)_jk)² and -(rho(a)_ij - rho(b)_jk)² in pairs,
    in an orthonormal basis drawn at random: some matrix elements in Young's own basis are constant on cosets,
    generic ones are not.

    Args:
        group: The group.
        names: Irreps, by name; the answer is the largest logit where one of them is faithful.
        amplitude: A.
        seed: Of the bases.
        n_ctx: Length of the input: 2 for "a b", 3 for "a b =".

    Returns:
        An embedding MLP with float64 weights.

    Raises:
        PhasescopeError: If an irrep is unknown, or there is none.

    References:
        chughtai2023: section 4, composition via representations. The neurons are those of morwani2023.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> s4 = group("S4")
        >>> network = representation_network(s4, ["(3,1)"])
        >>> int(network.answer_logits(torch.tensor([[7, 11]])).argmax()), int(s4.table[7, 11])
        (3, 3)
    """
    if not names:
        raise PhasescopeError("a representation network needs at least one irrep; got none")
    known = {rho.name: rho for rho in irreps(group)}
    chosen = look_up("irrep", names, known, f"{group.name} has {', '.join(known)}"[:300])
    generator = np.random.default_rng(seed)
    turned = []
    for rho in chosen.values():
        basis = np.linalg.qr(generator.normal(size=(rho.dimension, rho.dimension)))[0]
        turned.append(torch.tensor(basis @ rho.matrices @ basis.T))
    return max_margin_group_network(turned, amplitude, n_ctx)


def coset_network(group: Group, subgroup: Subgroup, amplitude: float = 20.0, n_ctx: int = 2) -> Model:
    """Return a network that finds in which left coset of every conjugate of a subgroup the product lies.

    If b lies in yK and a in x(y K y⁻¹), then ab lies in xyK. There is one neuron for each such pair of
    cosets, relu([a in x(y K y⁻¹)] + [b in yK] - 1), and it writes on every answer in xyK. The logits are A
    times the number of conjugates K with (ab)⁻¹c in K, and largest at c = ab alone if the conjugates share
    only the identity. For S4 in S5 that takes 125 neurons.

    Args:
        group: The group.
        subgroup: Any subgroup without a core.
        amplitude: A.
        n_ctx: Length of the input: 2 for "a b", 3 for "a b =".

    Returns:
        An embedding MLP with float64 weights.

    Raises:
        PhasescopeError: If the conjugates share more than the identity: cosets do not tell the answer.

    References:
        stander2023: section 4, the coset circuit.

    Example:
        >>> from phasescope.algebra.named_groups import group
        >>> from phasescope.algebra.subgroups import generated
        >>> s4 = group("S4")
        >>> network = coset_network(s4, generated(s4, ["(0 1)", "(1 2)"]))
        >>> int(network.answer_logits(torch.tensor([[7, 11]])).argmax()), int(s4.table[7, 11])
        (3, 3)
    """
    if len(subgroup.core) > 1:
        raise PhasescopeError(
            f"a coset network needs a subgroup whose conjugates share the identity alone; these of "
            f"{group.name} share {len(subgroup.core)} elements"
        )
    left, right, answer = [], [], []
    for conjugate in subgroup.conjugates:
        of_b = cosets(conjugate, "left")
        for coset in range(int(of_b.max()) + 1):
            y = int(np.flatnonzero(of_b == coset)[0])
            around = group.table[group.table[y, list(conjugate.elements)], group.inverse[y]]
            of_a = cosets(Subgroup(group, tuple(sorted(around.tolist()))), "left")
            for other in range(int(of_a.max()) + 1):
                x = int(np.flatnonzero(of_a == other)[0])
                left.append((of_a == other) - 1.0)
                right.append((of_b == coset) * 1.0)
                answer.append((of_b == of_b[group.table[x, y]]) * amplitude)
    config = EmbeddingMLPConfig(d_embed=len(left), d_hidden=len(left), combine="sum")
    shape = Shape(d_vocab=group.order, d_vocab_out=group.order, n_ctx=n_ctx)
    tables = {"W_x": np.stack(left, 1), "W_y": np.stack(right, 1), "W_U": np.stack(answer)}
    return model_from_parameters(config, shape, {name: torch.tensor(w) for name, w in tables.items()})
