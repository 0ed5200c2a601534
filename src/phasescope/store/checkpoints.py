"""Weights by step: one sealed file each, written once and never changed."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from phasescope.errors import PhasescopeError
from phasescope.store.run_folder import RunFolder, step_file, steps_in
from phasescope.store.sealed import Snapshot, read_sealed, write_sealed

_KIND = "checkpoint"


def write(
    folder: RunFolder, step: int, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Commit the weights of a step; when this returns, they are on the disk.

    Args:
        folder: The run's.
        step: Optimiser steps taken.
        tensors: Weights under the model's own names.
        metadata: Further facts, as text.

    Raises:
        PhasescopeError: If the disk refuses; nothing was committed then.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as root:
        ...     folder = RunFolder.create(Path(root), "demo", "{}", {})
        ...     write(folder, 100, {"W_E": np.eye(2)}, {"dtype": "float64"})
        ...     steps(folder), read(folder, 100).metadata
        ((100,), {'dtype': 'float64'})
    """
    write_sealed(step_file(folder.checkpoints, step), Snapshot(_KIND, step, tensors, metadata))


def read(folder: RunFolder, step: int) -> Snapshot:
    """Read the weights of a step, every bit checked.

    Args:
        folder: The run's.
        step: One of ``steps(folder)``.

    Returns:
        Arrays and facts as they were written; the arrays may be written to.

    Raises:
        PhasescopeError: If the run has no checkpoint of ``step``.
        DamagedFile: If a single bit changed, or the file is of another step.
    """
    return read_sealed(step_file(folder.checkpoints, step), _KIND, step)


def steps(folder: RunFolder) -> tuple[int, ...]:
    """Return the steps whose weights were committed, ascending; opens no file.

    Example:
        >>> from pathlib import Path
        >>> steps(RunFolder(Path("no-such-run")))
        ()
    """
    return steps_in(folder.checkpoints)


def last_step(folder: RunFolder) -> int:
    """Return the last step whose weights were committed; opens no file.

    Raises:
        PhasescopeError: If there is none yet.

    Example:
        >>> from pathlib import Path
        >>> last_step(RunFolder(Path("demo-44136fa3")))
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: demo-44136fa3 has no checkpoint yet; train it first
    """
    found = steps(folder)
    if not found:
        raise PhasescopeError(f"{folder.path.name} has no checkpoint yet; train it first")
    return found[-1]
