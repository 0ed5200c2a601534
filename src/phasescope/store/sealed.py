"""Tensors as a safetensors file that carries its own checksum.

The header's ``__metadata__`` has one key, ``phasescope``, holding JSON that begins with the field
``sha256``. The digest is taken over the *whole* file with 64 zeros in that field and then written
over the zeros. So a flipped bit anywhere, header, padding and digest included, is seen on reading,
while every safetensors reader still opens the file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from phasescope.errors import DamagedFile, PhasescopeError
from phasescope.store.durable import write_durably

# safetensors files begin with the header's length, eight bytes, and put metadata first
_LENGTH = 8
_OPENING = b'{"__metadata__":{"phasescope":"{\\"sha256\\":\\"'
_ZEROS = b"0" * 64
_DIGEST = slice(_LENGTH + len(_OPENING), _LENGTH + len(_OPENING) + len(_ZEROS))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Named arrays at one step: the weights, or all that is needed to go on from there.

    Example:
        >>> Snapshot("checkpoint", 100, {"W_E": np.zeros((3, 2))}, {"seed": "0"}).step
        100
    """

    kind: str
    """What it is of: ``checkpoint`` or ``state``."""
    step: int
    """Optimiser steps taken."""
    tensors: Mapping[str, NDArray[Any]]
    """Arrays by name; bool, integers, float16 to float64 or complex64."""
    metadata: Mapping[str, str]
    """Further facts, as text."""


def seal(snapshot: Snapshot) -> bytes:
    """Return a snapshot as the bytes of a safetensors file with a checksum inside.

    The same snapshot always gives the same bytes, in whatever order its arrays and facts are named.

    Args:
        snapshot: Numpy arrays only; views and transposes are laid out anew.

    Returns:
        The whole file.

    Raises:
        PhasescopeError: If an array is of a kind the format cannot hold (objects, text, complex128).

    Example:
        >>> data = seal(Snapshot("checkpoint", 100, {"W_E": np.zeros((3, 2))}, {}))
        >>> unseal(data, Path("demo.safetensors")).tensors["W_E"].shape
        (3, 2)
    """
    facts = {
        "sha256": _ZEROS.decode(),
        "kind": snapshot.kind,
        "metadata": dict(sorted(snapshot.metadata.items())),
        "step": snapshot.step,
    }
    text = json.dumps(facts, separators=(",", ":"))
    # safetensors takes the memory as it lies; a strided view would be written in the wrong order
    tensors = {name: np.asarray(array, order="C") for name, array in snapshot.tensors.items()}
    try:
        data = memoryview(safetensors.numpy.save(tensors, {"phasescope": text}))
    except SafetensorError as error:
        kinds = ", ".join(sorted({str(array.dtype) for array in tensors.values()}))
        raise PhasescopeError(
            f"a {snapshot.kind} holds plain numeric arrays; got {kinds} ({error})"
        ) from None
    assert data[_LENGTH : _DIGEST.start] == _OPENING, "safetensors no longer puts metadata first"
    digest = hashlib.sha256(data).hexdigest().encode()
    return b"".join((data[: _DIGEST.start], digest, data[_DIGEST.stop :]))


def unseal(data: bytes, path: Path) -> Snapshot:
    """Return the snapshot in the bytes of a sealed file, after checking every bit of them.

    Args:
        data: The whole file.
        path: Where it came from, for the message.

    Raises:
        DamagedFile: If a single bit differs from what was sealed; the message names ``path``.

    Example:
        >>> data = seal(Snapshot("checkpoint", 100, {"W_E": np.zeros((3, 2))}, {}))
        >>> unseal(data[:-1] + b"!", Path("demo.safetensors"))
        Traceback (most recent call last):
        phasescope.errors.DamagedFile: demo.safetensors is damaged: its sha256 is not the one in it; ...
    """
    if data[_LENGTH : _DIGEST.start] != _OPENING:
        raise DamagedFile(f"{path} is damaged, or no file of phasescope: its beginning is wrong; {_ADVICE}")
    digest = hashlib.sha256(data[: _DIGEST.start] + _ZEROS)
    digest.update(memoryview(data)[_DIGEST.stop :])
    if digest.hexdigest().encode() != data[_DIGEST]:
        raise DamagedFile(f"{path} is damaged: its sha256 is not the one in it; {_ADVICE}")
    try:
        header = json.loads(data[_LENGTH : _LENGTH + int.from_bytes(data[:_LENGTH], "little")])
        facts = json.loads(header["__metadata__"]["phasescope"])
        return Snapshot(facts["kind"], facts["step"], safetensors.numpy.load(data), facts["metadata"])
    except (KeyError, TypeError, ValueError, SafetensorError) as error:  # sealed, but not by this code
        raise DamagedFile(f"{path} is no file of phasescope: {error}; {_ADVICE}") from None


def write_sealed(path: Path, snapshot: Snapshot) -> None:
    """Seal a snapshot and put it at ``path`` durably; when this returns, it is on the disk.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "000000100.safetensors"
        ...     write_sealed(path, Snapshot("checkpoint", 100, {"W_E": np.eye(2)}, {}))
        ...     float(read_sealed(path, "checkpoint", 100).tensors["W_E"].sum())
        2.0
    """
    write_durably(path, seal(snapshot))


def read_sealed(path: Path, kind: str, step: int) -> Snapshot:
    """Read and check a sealed file, and that it is the one its name says.

    Args:
        path: The file.
        kind: What it must be of.
        step: The step it must be of.

    Raises:
        PhasescopeError: If there is no such file.
        DamagedFile: If its bits changed, or it holds something else than its name says.

    Example:
        >>> read_sealed(Path("checkpoints/000000300.safetensors"), "checkpoint", 300)
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: there is no checkpoint of step 300: ...
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise PhasescopeError(f"there is no {kind} of step {step}: {path} is missing") from None
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read: {error.strerror or error}; {_ADVICE}") from None
    snapshot = unseal(data, path)
    if (snapshot.kind, snapshot.step) != (kind, step):
        raise DamagedFile(
            f"{path} holds the {snapshot.kind} of step {snapshot.step}, not the {kind} of step {step}: "
            "files were swapped or renamed; put the right one back"
        )
    return snapshot


_ADVICE = "restore it from a copy, or train the run again (the same recipe gives the same bits)"
