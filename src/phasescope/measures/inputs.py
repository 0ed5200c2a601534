"""What measuring needs to know of a task and a split, whichever checkpoint is looked at."""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from phasescope.algebra.cosets import cosets
from phasescope.algebra.fourier import fourier_basis
from phasescope.algebra.group_fourier import isotypic_projection
from phasescope.algebra.groups import Group
from phasescope.algebra.irreps import irreps
from phasescope.algebra.representations import Representation
from phasescope.algebra.subgroups import Subgroup, all_subgroups
from phasescope.errors import PhasescopeError
from phasescope.models.answer import AnswerForward, answer_forward
from phasescope.models.config import ModelConfig, Shape
from phasescope.tasks.split import Split
from phasescope.tasks.task import Task

MOST_SUBGROUPS = 500
"""Subgroups whose cosets are looked for in neurons; with many more a null would take hours."""

_SIGN_OF_B = {"a+b": 1, "b+a": 1, "a-b": -1}


class Inputs:
    """All inputs of a task as tensors, their answers and their split, shared by every checkpoint of a series.

    Args:
        task: The problem; its pairs are in lexicographic order.
        split: Which of them were trained on.

    Example:
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 7").build()
        >>> inputs = Inputs(task, parse_split("nanda2023:0:0.3").split(task))
        >>> len(inputs.answers), len(inputs.train), inputs.p
        (49, 14, 7)
    """

    def __init__(self, task: Task, split: Split) -> None:
        self.task = task
        self.tokens = torch.tensor(task.tokens)
        self.answers = torch.tensor(task.answers)
        self.train = torch.tensor(split.train)
        self.test = torch.tensor(split.test)
        self._plans: dict[str, AnswerForward] = {}

    @property
    def p(self) -> int | None:
        """The modulus, where the elements are Z_p."""
        return self.task.modulus

    @property
    def is_plane(self) -> bool:
        """Whether the inputs are all pairs of residues, so that activations are functions on Z_p x Z_p."""
        return self.p is not None and self.task.is_square_table

    @cached_property
    def sums(self) -> Int64[Tensor, " pair"] | None:
        """The residue a+b of every pair, or a-b where the task subtracts; None where it does neither.

        It is the operation that decides, not the labels: with random labels a+b is still what a network
        that adds would compute.
        """
        sign = _SIGN_OF_B.get(self.task.operation or "")
        if sign is None or not self.is_plane:
            return None
        a, b = torch.tensor(self.task.pairs).unbind(1)
        return (a + sign * b) % self.task.n_elements

    @property
    def group(self) -> Group | None:
        """The group whose elements the task multiplies, all pairs of them; None where it does not."""
        return self.task.group

    @cached_property
    def products(self) -> Int64[Tensor, " pair"]:
        """The product a*b of every pair; with random labels too, which stand in for it."""
        assert self.group is not None, "asked for without a group"
        a, b = self.task.pairs.T
        return torch.tensor(self.group.table[a, b])

    @cached_property
    def irreps(self) -> dict[str, Representation]:
        """The irreps of the group by name, the trivial one left out: it is the constant."""
        assert self.group is not None, "asked for without a group"
        return {rho.name: rho for rho in irreps(self.group) if not rho.is_trivial}

    @cached_property
    def irrep_projections(self) -> dict[str, Float64[Tensor, "g g"]]:
        """By irrep, the projection of functions on the group onto its matrix elements."""
        assert self.group is not None, "asked for without a group"
        return {name: torch.tensor(isotypic_projection(self.group, rho)) for name, rho in self.irreps.items()}

    @cached_property
    def subgroups(self) -> tuple[Subgroup, ...]:
        """The subgroups of the group but the trivial one and itself; none if there are more than 500 (S6)."""
        assert self.group is not None, "asked for without a group"
        try:
            every = all_subgroups(self.group, MOST_SUBGROUPS)
        except PhasescopeError:
            return ()
        return tuple(h for h in every if 1 < h.order < self.group.order)

    @cached_property
    def coset_partitions(self) -> list[Int64[np.ndarray, " g"]]:
        """Which coset each element lies in: left, then right cosets of every such subgroup."""
        return [cosets(h, side) for h in self.subgroups for side in ("left", "right")]

    @cached_property
    def basis(self) -> Float64[Tensor, "component residue"]:
        """The Fourier basis of Z_p."""
        assert self.p is not None, "asked for without a modulus"
        return torch.tensor(fourier_basis(self.p))

    def forward(self, config: ModelConfig, shape: Shape) -> AnswerForward:
        """Return the plan of a model's forward pass over all pairs; it is made once for a series."""
        name = f"{config!r} {shape!r}"
        if name not in self._plans:
            self._plans[name] = answer_forward(config, shape, self.tokens)
        return self._plans[name]
