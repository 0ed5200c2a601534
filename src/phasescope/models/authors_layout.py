"""Weights as the authors of nanda2023 (and zhong2023 after them) lay them out, turned into ours.

They multiply from the left, ``W @ x``, and keep all heads' outputs in one matrix: ``W_E (d_model,
d_vocab)``, ``W_K W_Q W_V (head, d_head, d_model)``, ``W_O (d_model, head * d_head)``, ``W_in (d_mlp,
d_model)``, ``W_out (d_model, d_mlp)``. Positions, unembedding and biases are as ours. The same turning
serves their initialisation and their files.
"""

from collections.abc import Mapping

from torch import Tensor

_TURNED = ("W_E", "W_K", "W_Q", "W_V", "W_in", "W_out")


def authors_shape(name: str, ours: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a weight has in the authors' layout.

    Args:
        name: Full name of the weight.
        ours: Its shape here.

    Returns:
        Its shape there.

    Example:
        >>> authors_shape("blocks.0.attn.W_O", (4, 32, 128)), authors_shape("embed.W_E", (114, 128))
        ((128, 128), (128, 114))
    """
    leaf = name.rpartition(".")[2]
    if leaf == "W_O":
        n_heads, d_head, d_model = ours
        return (d_model, n_heads * d_head)
    return (*ours[:-2], ours[-1], ours[-2]) if leaf in _TURNED else ours


def from_authors_layout(tensors: Mapping[str, Tensor], n_heads: int) -> dict[str, Tensor]:
    """Return weights in the layout of the house.

    Args:
        tensors: Name to tensor, each of its ``authors_shape``.
        n_heads: Number of heads, to cut ``W_O`` by.

    Returns:
        The same names, in our layout, every tensor contiguous.

    Example:
        >>> import torch
        >>> ours = from_authors_layout({"blocks.0.attn.W_O": torch.arange(8).reshape(2, 4)}, n_heads=2)
        >>> ours["blocks.0.attn.W_O"].tolist()  # head, d_head, d_model
        [[[0, 4], [1, 5]], [[2, 6], [3, 7]]]
    """
    return {name: _turned(name, tensor, n_heads).contiguous() for name, tensor in tensors.items()}


def _turned(name: str, tensor: Tensor, n_heads: int) -> Tensor:
    leaf = name.rpartition(".")[2]
    if leaf == "W_O":
        return tensor.T.reshape(n_heads, -1, len(tensor))
    return tensor.mT if leaf in _TURNED else tensor
