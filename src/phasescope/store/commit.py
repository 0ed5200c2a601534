"""The one order in which a run is saved, and the way back after a crash.

Weights first, then metrics, then the resumable state: a state that is there promises that
everything up to its step is there too. So going on from the newest whole state loses nothing
that was committed, and what a crash left beyond it is simply computed and written again.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from phasescope.store import checkpoints, state
from phasescope.store.metrics import MetricsLog
from phasescope.store.run_folder import RunFolder
from phasescope.store.state import Recovered


def commit(
    folder: RunFolder,
    log: MetricsLog,
    step: int,
    weights: Mapping[str, NDArray[Any]],
    resumable: Mapping[str, NDArray[Any]],
    facts: Mapping[str, str],
) -> None:
    """Save a step; when this returns, it survives a kill and a power cut.

    Args:
        folder: The run's, locked by the caller.
        log: The run's metrics; what was noted in it is committed along.
        step: Optimiser steps taken.
        weights: Arrays of the checkpoint, finite.
        resumable: Arrays of the state: all that the next step depends on.
        facts: Text kept with both.

    Raises:
        PhasescopeError: If the disk refuses; earlier commits stand, this one was not promised.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as root:
        ...     folder = RunFolder.create(Path(root), "demo", "{}", {})
        ...     with MetricsLog(folder.metrics) as log:
        ...         log.add(100, {"train_loss": 4.7})
        ...         commit(folder, log, 100, {"W_E": np.eye(2)}, {"W_E": np.eye(2), "moment": np.eye(2)}, {})
        ...         recover(folder, log).snapshot.step
        100
    """
    checkpoints.write(folder, step, weights, facts)
    log.commit()
    state.write(folder, step, resumable, facts)


def recover(folder: RunFolder, log: MetricsLog) -> Recovered:
    """Clear away what was half done, and return the state to go on from.

    Metrics after that state are forgotten, because the steps are computed again; checkpoints after
    it stay, because they are whole and will be written again with the same bits.

    Args:
        folder: The run's, locked by the caller.
        log: The run's metrics.

    Returns:
        The newest whole state, if any, and a line for each damaged one.
    """
    folder.sweep()
    recovered = state.newest_valid(folder)
    if recovered.snapshot is None:
        log.truncate_after(-1)
    else:
        log.truncate_after(recovered.snapshot.step)
        state.let_go(folder, recovered.snapshot.step)
    return recovered
