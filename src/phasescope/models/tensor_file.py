"""Named tensors out of a file that a stranger made: bounded in size, and never executed."""

import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from phasescope.errors import DamagedFile, PhasescopeError

GIBIBYTE = 1 << 30


@dataclass(frozen=True, eq=False)
class TensorFile:
    """What a foreign file holds, as it stands there."""

    tensors: dict[str, Tensor]
    """Name to tensor."""
    step: int | None
    """The training step, where the file says it."""


def read_bytes(path: Path, max_bytes: int = GIBIBYTE) -> bytes:
    """Return the content of a file that is not too large to be one of ours.

    Args:
        path: The file.
        max_bytes: The largest size to take in.

    Returns:
        All of it.

    Raises:
        PhasescopeError: If there is no such file, it is no plain file, or it is larger.

    Example:
        >>> read_bytes(Path("no-such.pt"))
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: needs a checkpoint file; there is none at this path
    """
    if not path.is_file():
        raise PhasescopeError("needs a checkpoint file; there is none at this path")
    size = path.stat().st_size
    if size > max_bytes:
        raise PhasescopeError(
            f"needs a file of at most {max_bytes:,} bytes; got {size:,}; pass max_bytes to take it in"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise PhasescopeError(f"cannot be read: {error.strerror or error}") from None


def parse_safetensors(data: bytes) -> TensorFile:
    """Return the tensors in the bytes of a plain safetensors file.

    Args:
        data: The whole file.

    Raises:
        DamagedFile: If they are no safetensors file.

    Example:
        >>> parse_safetensors(safetensors.torch.save({"W": torch.ones(2)})).tensors["W"].tolist()
        [1.0, 1.0]
    """
    try:
        return TensorFile(_only_weights(safetensors.torch.load(data)), None)
    except SafetensorError as error:
        raise DamagedFile(f"is no whole safetensors file ({error}); fetch it again") from None


def parse_torch(data: bytes) -> TensorFile:
    """Return the tensors in the bytes of a ``.pt`` or ``.pth`` file: a state dict, or one under ``model``.

    Only ``torch.load(weights_only=True)`` is used: nothing in the file is executed.

    Args:
        data: The whole file.

    Raises:
        PhasescopeError: If it holds no state dict.
        DamagedFile: If it is cut off or damaged, or holds anything but tensors and plain containers.

    Example:
        >>> file = io.BytesIO()
        >>> torch.save({"model": {"W": torch.ones(2)}, "epoch": 7}, file)
        >>> parse_torch(file.getvalue()).step
        7
    """
    _refuse_compressed(data)
    try:
        with warnings.catch_warnings(action="ignore"):
            content: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile or broken file can make the reader raise anything at all
        reason = str(error).strip().partition("\n")[0][:80]
        raise DamagedFile(
            f"holds more than plain tensors, or is damaged ({type(error).__name__}: {reason}); "
            "save its state dict alone and try again"
        ) from None
    state, step = content, None
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        state, step = content["model"], content.get("epoch")
    if not isinstance(state, dict) or not state:
        raise PhasescopeError(f"needs a state dict, or one under the key 'model'; got {_described(content)}")
    return TensorFile(_only_weights(state), step if type(step) is int else None)


def _refuse_compressed(data: bytes) -> None:
    """Torch stores tensors as they are: a zip that unpacks to more than its size is no work of torch."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DamagedFile(f"is a broken zip archive ({error}); fetch it again") from None
    if unpacked > len(data):
        raise DamagedFile(f"unpacks to {unpacked:,} bytes from {len(data):,}; torch writes no such file")


def _only_weights(state: dict[Any, Any]) -> dict[str, Tensor]:
    """Refuse what is no plain tensor, or is larger than the memory it stands on."""
    for name, value in state.items():
        plain = isinstance(name, str) and isinstance(value, Tensor) and value.layout == torch.strided
        if not plain or value.nbytes > value.untyped_storage().nbytes():
            raise PhasescopeError(f"needs names with plain tensors; got {_described(value)} at {name!r:.60}")
    return state


def _described(content: object) -> str:
    """Say what came: a dict by its first keys, anything else by its type."""
    if isinstance(content, dict) and content:
        return f"a dict of {', '.join(f'{key!r:.30}' for key in list(content)[:5])}"
    return f"an empty {type(content).__name__}" if content == {} else type(content).__name__
