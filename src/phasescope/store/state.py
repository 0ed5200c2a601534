"""The newest resumable states of a run (weights, optimiser moments, random streams), two kept.

Two, so that a damaged one costs the steps between them and not the run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from phasescope.errors import DamagedFile
from phasescope.store.durable import remove
from phasescope.store.run_folder import RunFolder, step_file, steps_in
from phasescope.store.sealed import Snapshot, read_sealed, write_sealed

_KIND = "state"
_KEPT = 2


@dataclass(frozen=True)
class Recovered:
    """From where a run goes on, and what was wrong on the way there."""

    snapshot: Snapshot | None
    """The newest state that is whole; None if there is none and the run begins anew."""
    notes: tuple[str, ...]
    """A line for each damaged state that was passed over, naming its file."""


def write(
    folder: RunFolder, step: int, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Commit the resumable state of a step, and only then let go of all but the one before it.

    Args:
        folder: The run's.
        step: Optimiser steps taken.
        tensors: Everything the next step depends on, as arrays.
        metadata: Everything else it depends on, as text.

    Raises:
        PhasescopeError: If the disk refuses; the earlier states are still there then.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as root:
        ...     folder = RunFolder.create(Path(root), "demo", "{}", {})
        ...     for step in (100, 200, 300):
        ...         write(folder, step, {"moment": np.eye(2)}, {})
        ...     steps(folder), newest_valid(folder).snapshot.step
        ((200, 300), 300)
    """
    write_sealed(step_file(folder.state, step), Snapshot(_KIND, step, tensors, metadata))
    let_go(folder, step)


def let_go(folder: RunFolder, newest: int) -> None:
    """Remove all states but ``newest`` and the one before it.

    A later state is of a future that was given up when the run went back to ``newest``.
    """
    kept = [step for step in steps(folder) if step <= newest][-_KEPT:]
    for step in steps(folder):
        if step not in kept:
            remove(step_file(folder.state, step))


def read(folder: RunFolder, step: int) -> Snapshot:
    """Read the state of a step, every bit checked.

    Args:
        folder: The run's.
        step: One of ``steps(folder)``.

    Raises:
        PhasescopeError: If the run keeps no state of ``step``.
        DamagedFile: If a single bit changed, or the file is of another step.
    """
    return read_sealed(step_file(folder.state, step), _KIND, step)


def newest_valid(folder: RunFolder) -> Recovered:
    """Return the newest state that is whole, passing over damaged ones and naming them.

    Example:
        >>> from pathlib import Path
        >>> newest_valid(RunFolder(Path("no-such-run")))
        Recovered(snapshot=None, notes=())
    """
    notes: list[str] = []
    for step in reversed(steps(folder)):
        try:
            return Recovered(read(folder, step), tuple(notes))
        except DamagedFile as error:
            notes.append(f"passed over: {error}")
    return Recovered(None, tuple(notes))


def steps(folder: RunFolder) -> tuple[int, ...]:
    """Return the steps whose states are kept, ascending; opens no file.

    Example:
        >>> from pathlib import Path
        >>> steps(RunFolder(Path("no-such-run")))
        ()
    """
    return steps_in(folder.state)
