"""Weighted sums of table rows, and their gradients, without multiplying anything out.

Before its ReLU a one-layer network without layer norm is, for every example, a handful of rows of
a small table, each scaled by an attention weight. That is a row sum. Its transpose, which the
gradient of the table needs, is a row sum again, with examples and rows exchanged, so one fast
kernel (torch's embedding bag) serves both. Each bag is added up in order by one thread: the bits
do not depend on how many there are.
"""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional


class RowSum:
    """The plan of ``out[e] = sum_t weights[e, t] * table[rows[e, t]]``, for rows that stay fixed.

    Args:
        rows: Which table row each term of each example reads, ``(example, term)``.
        n_rows: Number of rows of the table.

    Example:
        >>> plan = RowSum(torch.tensor([[0, 2], [1, 1]]), n_rows=3)
        >>> table = torch.tensor([[1.0], [10.0], [100.0]])
        >>> plan(table, torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
        [[201.0], [70.0]]
    """

    def __init__(self, rows: Int64[Tensor, "example term"], n_rows: int) -> None:
        n_examples, n_terms = rows.shape
        flat = rows.reshape(-1)
        by_row = torch.argsort(flat, stable=True)
        ends = torch.bincount(flat, minlength=n_rows).cumsum(0)
        self.rows = rows.contiguous()
        self.flat = flat.contiguous()
        self.starts = torch.arange(0, n_examples * n_terms, n_terms, device=rows.device)
        self.example_of_term = torch.arange(n_examples, device=rows.device).repeat_interleave(n_terms)
        # the transpose: for every table row, the terms that read it
        self.terms_by_row = by_row
        self.examples_by_row = by_row // n_terms
        self.row_starts = torch.cat([ends.new_zeros(1), ends[:-1]])

    def __call__(
        self, table: Float[Tensor, "row column"], weights: Float[Tensor, "example term"]
    ) -> Float[Tensor, "example column"]:
        """Return the weighted row sums, differentiable in ``table`` and ``weights``."""
        summed: Tensor = _RowSumFunction.apply(table, weights, self)  # type: ignore[no-untyped-call]
        return summed


class _RowSumFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, weights: Tensor, plan: RowSum) -> Tensor:
        ctx.plan = plan
        ctx.save_for_backward(table, weights)
        return functional.embedding_bag(plan.rows, table, per_sample_weights=weights, mode="sum")

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        table, weights = ctx.saved_tensors
        plan: RowSum = ctx.plan
        gradient = gradients[0].contiguous()
        to_table = to_weights = None
        if ctx.needs_input_grad[0]:
            to_table = functional.embedding_bag(
                plan.examples_by_row,
                gradient,
                plan.row_starts,
                per_sample_weights=weights.reshape(-1)[plan.terms_by_row],
                mode="sum",
            )
        if ctx.needs_input_grad[1]:
            # the dot product of each example's gradient with the rows it read
            to_weights = torch.ops.aten._embedding_bag_per_sample_weights_backward(
                gradient, table, plan.flat, plan.starts, plan.example_of_term, 0, -1
            ).view_as(weights)
        return to_table, to_weights, None
