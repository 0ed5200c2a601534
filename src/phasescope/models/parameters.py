"""Weights by name: refused unless they are exactly those expected, and planted in a module."""

from collections.abc import Mapping

from torch import Tensor, nn

from phasescope.errors import PhasescopeError


def require_parameters(parameters: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse weights that are not exactly those expected; nothing is ever loaded in part.

    Args:
        parameters: Name to tensor.
        expected: Name to shape.

    Raises:
        PhasescopeError: If a name is missing or unknown, or a shape is wrong: all are named in one line.

    Example:
        >>> import torch
        >>> require_parameters({"W": torch.zeros(2), "v": torch.zeros(1)}, {"W": (3,), "u": (1,)})
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: weights do not fit: missing u; unknown v; W is (2,), needs (3,)
    """
    faults = []
    if missing := [name for name in expected if name not in parameters]:
        faults.append(f"missing {_listed(missing)}")
    if unknown := [name for name in parameters if name not in expected]:
        faults.append(f"unknown {_listed(unknown)}")
    if wrong := [
        f"{name} is {tuple(parameters[name].shape)}, needs {shape}"
        for name, shape in expected.items()
        if name in parameters and tuple(parameters[name].shape) != shape
    ]:
        faults.append(_listed(wrong))
    if faults:
        raise PhasescopeError(f"weights do not fit: {'; '.join(faults)}")


def plant(root: nn.Module, name: str, value: Tensor) -> None:
    """Register a copy of a tensor as a parameter under a dotted name, making the modules on the way.

    Args:
        root: The module to plant in.
        name: Names of submodules, then of the parameter, joined by dots.
        value: What the parameter begins as.

    Example:
        >>> import torch
        >>> root = nn.Module()
        >>> plant(root, "blocks.0.attn.W_Q", torch.ones(2))
        >>> list(root.state_dict())
        ['blocks.0.attn.W_Q']
    """
    *branches, leaf = name.split(".")
    for branch in branches:
        if branch not in root._modules:
            root.add_module(branch, nn.Module())
        root = root.get_submodule(branch)
    root.register_parameter(leaf, nn.Parameter(value.detach().clone()))


def _listed(items: list[str], most: int = 3) -> str:
    """Join items with commas; beyond the first few, only count them, so that the line stays a line."""
    shown = ", ".join(item[:60] for item in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"
