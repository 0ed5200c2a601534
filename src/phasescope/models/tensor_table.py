"""A table of tensors for notebooks: plain HTML, every name escaped, no script."""

from collections.abc import Mapping
from html import escape

from torch import Tensor


def tensor_table(title: str, tensors: Mapping[str, Tensor]) -> str:
    """Return an HTML table of names, shapes and Euclidean norms.

    Args:
        title: Caption of the table.
        tensors: Name to tensor, in the order to show.

    Returns:
        One ``<table>`` element; nothing in it is live, whatever the names contain.

    Example:
        >>> import torch
        >>> tensor_table("demo", {"<E>": torch.ones(2, 3)}).partition("</th></tr>")[2]
        '<tr><td>&lt;E&gt;</td><td>2 x 3</td><td>2.449</td></tr></table>'
    """
    header = _row("th", "weight", "shape", "norm")
    body = "".join(
        _row("td", name, " x ".join(map(str, tensor.shape)), f"{tensor.detach().double().norm():.4g}")
        for name, tensor in tensors.items()
    )
    return f"<table><caption>{escape(title)}</caption>{header}{body}</table>"


def _row(cell: str, *texts: str) -> str:
    return "<tr>" + "".join(f"<{cell}>{escape(text)}</{cell}>" for text in texts) + "</tr>"
