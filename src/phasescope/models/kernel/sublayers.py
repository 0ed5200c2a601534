"""The compiled parts of a block, called from Python: attention, layer norm and the loss, with their gradients.

As in all of the kernel, work is cut into shares that do not depend on the number of threads, and each
number is added up in one order: the bits are the same on one core and on sixteen.
"""

import ctypes
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from phasescope.models.kernel.crew import Crew
from phasescope.models.kernel.product import SUFFIX, KernelProduct
from phasescope.models.lean import Reads

_ROWS = 128
"""Rows of a share."""
_TERMS = 128
"""Products are this deep before they join a sum: the tables of the folded step are small and take 16."""


def _struct(numbers: str, reals: str, arrays: str) -> type[ctypes.Structure]:
    """Return a C++ struct of 64-bit numbers, doubles and arrays, in this order."""
    of_kind = ((numbers, ctypes.c_int64), (reals, ctypes.c_double), (arrays, ctypes.c_void_p))
    fields = [(name, kind) for names, kind in of_kind for name in names.split()]
    return type("Struct", (ctypes.Structure,), {"_fields_": fields})


_Attention = _struct(
    "rows keys heads width query_row query_head key_row key_head value_row value_head out_row to_out_row to_out_head",
    "scale share",
    "here key_of seen query key value softmax pattern out to_out to_score to_query to_key to_value",
)
_Norm = _struct("rows width", "eps", "x added w b out normalised scale to_out to_x to_w to_b")
_Loss = _struct("examples d_out", "", "answer logits loss right")


class KernelSublayers:
    """Attention, layer norm, products and the loss, by the compiled kernel.

    Args:
        library: The compiled kernel.
        crew: The threads to work with; they change the speed and not one bit.
    """

    def __init__(self, library: ctypes.CDLL, crew: Crew) -> None:
        self.library = library
        self.crew = crew
        self.product = KernelProduct(library, crew, terms=_TERMS)

    @staticmethod
    def fits(*widths: int) -> bool:
        """Say whether the kernel takes these widths: whole 64 bytes of them."""
        return all(width % 16 == 0 for width in widths)

    def attend(
        self,
        reads: Reads,
        query: Float[Tensor, "head asked width"],
        key: Float[Tensor, "#head before width"],
        value: Float[Tensor, "#head before width"] | None,
        scale: float,
        share: float = 1.0,
    ) -> tuple[Float[Tensor, "row head width"], Float[Tensor, "row key head"]]:
        """Return what every row reads with every head, and with which weights (those have no gradient).

        Args:
            reads: Who reads what.
            query: Rows that ask.
            key: Rows that are asked, of each head, or one for all (then the first axis is 1).
            value: Rows that are read, laid out as the keys; the keys themselves if left out.
            scale: Of the scores.
            share: Attention is that much softmax; the rest is one for every key seen.
        """
        found: tuple[Tensor, Tensor] = _Attend.apply(self, reads, query, key, value, scale, share)  # type: ignore[no-untyped-call]
        return found

    def normalised(
        self,
        x: Float[Tensor, "row width"],
        added: Float[Tensor, "row width"] | None,
        w: Float[Tensor, " width"],
        b: Float[Tensor, " width"],
        eps: float,
    ) -> Float[Tensor, "row width"]:
        """Return the layer norm of ``x + added``."""
        out: Tensor = _Normalise.apply(self, x, added, w, b, eps)  # type: ignore[no-untyped-call]
        return out

    def cross_entropy(
        self, logits: Float[Tensor, "example d_out"], answers: Int64[Tensor, " example"]
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy in float64, in nats."""
        loss: Tensor = _CrossEntropy.apply(self, logits, answers.int())  # type: ignore[no-untyped-call]
        return loss

    def call(
        self,
        name: str,
        struct: type[ctypes.Structure],
        arrays: Mapping[str, Tensor | None],
        numbers: Mapping[str, int | float],
        shares: Sequence[tuple[int, ...]],
    ) -> None:
        """Run a function of the library over its shares."""
        dtype = next(x.dtype for x in arrays.values() if x is not None and x.is_floating_point())
        at = struct(**numbers, **{name: x.data_ptr() for name, x in arrays.items() if x is not None})
        function = partial(getattr(self.library, f"{name}_{SUFFIX[dtype]}"), ctypes.byref(at))
        self.crew.share_out(lambda share: function(*map(ctypes.c_int64, shares[share])), len(shares))


def _of_rows(rows: int) -> list[tuple[int, int]]:
    return list(pairwise([*range(0, rows, _ROWS), rows]))


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        kernel: KernelSublayers,
        reads: Reads,
        query: Tensor,
        key: Tensor,
        value: Tensor | None,
        scale: float,
        share: float,
    ) -> tuple[Tensor, Tensor]:
        (heads, _, width), (rows, keys) = query.shape, reads.keys.shape
        softmax, pattern = query.new_empty(2, rows, keys, heads).unbind()
        # rows do not lie a power of two apart, or a column's numbers share cache sets
        out = query.new_empty(rows, heads * width + 64 // query.itemsize)[:, : heads * width].unflatten(1, (heads, width))
        tables = {"query": query, "key": key, "value": key if value is None else value}
        for table in tables.values():
            assert table.stride(2) == 1, "a row must lie in one piece"
        numbers = {"rows": rows, "keys": keys, "heads": heads, "width": width, "scale": scale, "share": share}
        numbers["out_row"] = out.stride(0)
        for name, table in tables.items():
            numbers |= {f"{name}_row": table.stride(1), f"{name}_head": _head(table)}
        arrays = {**_plan(reads), **tables, "softmax": softmax, "pattern": pattern, "out": out}
        kernel.call("attend", _Attention, arrays, numbers, _of_rows(rows))
        ctx.kernel, ctx.reads, ctx.numbers, ctx.own_value = kernel, reads, numbers, value is not None
        ctx.save_for_backward(*tables.values(), softmax, pattern)
        ctx.mark_non_differentiable(pattern)
        return out, pattern

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        query, key, value, softmax, pattern = ctx.saved_tensors
        kernel, rows, (to_out, _) = ctx.kernel, len(softmax), gradients
        tables = {"query": query, "key": key, "value": value}
        to_query, to_key = (torch.zeros_like(table) for table in (query, key))
        to_value = torch.zeros_like(value) if ctx.own_value else to_key
        for table, gradient in ((query, to_query), (key, to_key), (value, to_value)):
            assert table.stride() == gradient.stride(), "a gradient lies as its table does"
        arrays = {
            **_plan(ctx.reads),
            **tables,
            "softmax": softmax,
            "pattern": pattern,
            "to_out": to_out,
            "to_score": torch.empty_like(softmax),
            "to_query": to_query,
            "to_key": to_key,
            "to_value": to_value,
        }
        assert to_out.stride(2) == 1, "a row must lie in one piece"
        numbers = {**ctx.numbers, "to_out_row": to_out.stride(0), "to_out_head": to_out.stride(1)}
        kernel.call("attend_back", _Attention, arrays, numbers, _of_rows(rows))
        heads, width = numbers["heads"], numbers["width"]
        # columns do not meet, so they can be shared out among however many threads there are
        piece = -(-width // (16 * kernel.crew.size)) * 16
        ends = pairwise([*range(0, width, piece), width])
        kernel.call("gather", _Attention, arrays, numbers, [(0, heads, *share) for share in ends])
        return None, None, to_query, to_key, to_value if ctx.own_value else None, None, None


def _plan(reads: Reads) -> dict[str, Tensor]:
    return {"here": reads.here, "key_of": reads.keys, "seen": reads.seen}


def _head(table: Tensor) -> int:
    """How far the heads of a table lie apart; 0 where they share its rows."""
    return 0 if len(table) == 1 else table.stride(0)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, kernel: KernelSublayers, x: Tensor, added: Tensor | None, w: Tensor, b: Tensor, eps: float
    ) -> Tensor:
        rows, width = x.shape
        ctx.numbers = {"rows": rows, "width": width, "eps": eps}
        out, normalised = torch.empty_like(x), torch.empty_like(x)
        scale = x.new_empty(rows)
        arrays = {"x": x, "added": added, "w": w, "b": b, "out": out, "normalised": normalised, "scale": scale}
        kernel.call("normalise", _Norm, arrays, ctx.numbers, _of_rows(rows))
        ctx.kernel, ctx.added = kernel, added is not None
        ctx.save_for_backward(w, normalised, scale)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        w, normalised, scale = ctx.saved_tensors
        shares = [(*share, part) for part, share in enumerate(_of_rows(len(scale)))]
        to_x = torch.empty_like(normalised)
        to_w, to_b = w.new_empty(2, len(shares), len(w)).unbind()
        arrays = {
            **{"w": w, "normalised": normalised, "scale": scale, "to_out": gradients[0].contiguous()},
            **{"to_x": to_x, "to_w": to_w, "to_b": to_b},
        }
        ctx.kernel.call("normalise_back", _Norm, arrays, ctx.numbers, shares)
        return None, to_x, to_x if ctx.added else None, to_w.sum(0), to_b.sum(0), None


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernel: KernelSublayers, logits: Tensor, answers: Tensor) -> Tensor:
        examples, d_out = logits.shape
        gradient = logits.clone(memory_format=torch.contiguous_format)
        loss = torch.empty(examples, dtype=torch.float64)
        right = torch.empty(examples, dtype=torch.uint8)
        arrays = {"answer": answers, "logits": gradient, "loss": loss, "right": right}
        shares = _of_rows(examples)
        kernel.call("loss", _Loss, arrays, {"examples": examples, "d_out": d_out}, shares)
        ctx.save_for_backward(gradient)
        return loss.mean()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (to_logits,) = ctx.saved_tensors
        return None, to_logits * gradients[0].to(to_logits.dtype), None
