"""The runs of a store by ids: a page never names a path, and what leads out of the store is not there."""

import hashlib
import os
from pathlib import Path
from typing import Any

from phasescope.errors import PhasescopeError
from phasescope.store.durable import TEMPORARY
from phasescope.store.metrics import read_metrics
from phasescope.store.run_folder import RunFolder, steps_in
from phasescope.store.status import Status
from phasescope.viewer.arrays import packed, reduced
from phasescope.viewer.record import flat_recipe, recipe_of, status_of

SPARK_POINTS = 60
"""Points of the small curve beside each run."""
CURVES = ("train_loss", "test_loss")


def run_id(name: str) -> str:
    """Return the id of a run: sixteen digits of its folder name's digest.

    Example:
        >>> run_id("demo-44136fa3")
        '09934f0112705de9'
    """
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:16]


def runs_in(root: Path) -> dict[str, RunFolder]:
    """List the runs of a store by id, in the order of their names.

    A folder counts if it is named as a run is and lies in the store itself: symbolic links, to a run or
    inside one to what a page reads, lead elsewhere and are left out.

    Args:
        root: Folder of runs; a missing one holds none.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     _ = RunFolder.create(Path(root), "demo", "{}", {})
        ...     [folder.name for folder in runs_in(Path(root)).values()]
        ['demo']
    """
    return {run_id(folder.path.name): folder for folder in _folders(root) if _is_whole(folder)}


def find(root: Path, wanted: str) -> RunFolder:
    """Return the run with an id, found by listing the store and never by making a path of it.

    Raises:
        PhasescopeError: If the store has no such run.
    """
    for folder in _folders(root):
        if run_id(folder.path.name) == wanted and _is_whole(folder):
            return folder
    raise PhasescopeError("there is no such run")


def condition(folder: RunFolder) -> tuple[object, ...]:
    """Return what changes whenever a page has something new to say of a run.

    Sizes and times of change of all that a page reads, and whether somebody writes. Of two changes within
    one tick of the file system's clock the second may be seen with the next only.
    """
    wal = folder.metrics.with_name(f"{folder.metrics.name}-wal")
    paths = (folder.recipe, folder.status, folder.metrics, wal, folder.claims, folder.checkpoints)
    return (*(_change(path) for path in paths), _state(folder))


def run_row(folder: RunFolder) -> dict[str, Any]:
    """Return a run as the store's page lists it; a damaged one says what is wrong and stops nothing.

    Args:
        folder: The run's.

    Returns:
        Name, state, outcome, steps, recipe, and its losses as a small curve.
    """
    status, problem, curves = Status(), "", {}
    steps = steps_in(folder.checkpoints)
    try:
        RunFolder.open(folder.path)
        status = status_of(folder)
        series = read_metrics(folder.metrics, names=CURVES)
        for name in CURVES:
            if name in series:
                spark = reduced(series[name], SPARK_POINTS)
                curves[name] = {"steps": packed(spark[0], "f8"), "values": packed(spark[1], "f8")}
    except (PhasescopeError, OSError) as error:
        problem = without_paths(str(error), folder)
    return {
        "id": run_id(folder.path.name),
        "name": folder.path.name,
        "state": "damaged" if problem else status.state,
        "outcome": problem or status.outcome or "",
        "step": max(status.step, *steps[-1:], 0),
        "steps": status.steps,
        "checkpoints": len(steps),
        "updated": status.updated or "",
        "recipe": flat_recipe(recipe_of(folder)),
        "curves": curves,
    }


def without_paths(text: str, folder: RunFolder) -> str:
    """Leave out of a message where on this machine the store lies.

    Example:
        >>> folder = RunFolder(Path("/secret/runs/demo-44136fa3"))
        >>> without_paths("/secret/runs/demo-44136fa3/recipe.json is damaged", folder)
        'demo-44136fa3/recipe.json is damaged'
    """
    for parent in (folder.path.parent.absolute(), folder.path.parent):
        text = text.replace(f"{parent}{os.sep}", "")
    return text


def _folders(root: Path) -> list[RunFolder]:
    """The folders of a store by name, no link among them."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return []
    return [RunFolder(root / entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]


def _state(folder: RunFolder) -> str:
    """Whether a run that says it trains has a writer; no other run's lock is touched."""
    try:
        return status_of(folder).state
    except (PhasescopeError, OSError):
        return "damaged"


def _change(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _is_whole(folder: RunFolder) -> bool:
    """Named as a run is, finished being made, and nothing a page reads is a link."""
    read = (folder.recipe, folder.status, folder.metrics, folder.claims, folder.checkpoints, folder.lock)
    return (
        bool(folder.digest8)
        and folder.path.suffix != TEMPORARY
        and not any(path.is_symlink() for path in read)
    )
