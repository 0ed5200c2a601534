"""The runs under a folder, each in a line: what it is, how far it is, how large.

No checkpoint and no database is opened, so hundreds of runs are listed at once. A damaged run is
listed with what is wrong, and stops nothing.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.store.durable import TEMPORARY
from phasescope.store.lock import is_locked
from phasescope.store.run_folder import RunFolder, steps_in
from phasescope.store.status import Status, read_status


@dataclass(frozen=True)
class RunEntry:
    """One run, as far as its small files tell.

    Example:
        >>> entry = RunEntry(RunFolder(Path("runs/demo-4f5a0a7e")), {}, Status(), (0, 50), 0, None)
        >>> entry.folder.name, entry.step
        ('demo', 50)
    """

    folder: RunFolder
    """Where it lies; knows its name and digest."""
    recipe: Mapping[str, object]
    """The recipe as plain data; empty if unreadable."""
    status: Status
    """How far it is; a run that was killed is ``interrupted`` here."""
    checkpoints: tuple[int, ...]
    """Steps whose weights are kept."""
    n_bytes: int
    """Size of all its files."""
    problem: str | None
    """What is wrong with it, if anything was seen."""

    @property
    def step(self) -> int:
        """The last step that left a trace."""
        return max(self.status.step, *self.checkpoints[-1:], 0)


def list_runs(root: Path) -> tuple[RunEntry, ...]:
    """List the runs under a folder, by folder name.

    Args:
        root: Folder of runs; a missing one holds none.

    Returns:
        One entry for each folder that is a run, or is named like one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     folder = RunFolder.create(Path(root), "demo", '{"p":113}', {})
        ...     [(entry.folder.name, entry.recipe, entry.status.state) for entry in list_runs(Path(root))]
        [('demo', {'p': 113}, 'created')]
    """
    if not root.is_dir():
        return ()
    folders = [RunFolder(root / entry.name) for entry in os.scandir(root) if entry.is_dir()]
    runs = [folder for folder in folders if _looks_like_a_run(folder)]
    return tuple(_entry(folder) for folder in sorted(runs, key=lambda folder: folder.path.name))


def _looks_like_a_run(folder: RunFolder) -> bool:
    """Named like a run or holding a recipe, and not half made."""
    return folder.path.suffix != TEMPORARY and (bool(folder.digest8) or folder.recipe.is_file())


def _entry(folder: RunFolder) -> RunEntry:
    """Read the small files of one run; the first thing wrong is named."""
    problems: list[str] = []
    recipe: Mapping[str, object] = {}
    status = Status()
    try:
        recipe = json.loads(RunFolder.open(folder.path).recipe_json())
    except (PhasescopeError, OSError, ValueError) as error:
        problems.append(str(error))
    try:
        status = read_status(folder)
        if status.state == "training" and not is_locked(folder):
            status = status.model_copy(update={"state": "interrupted"})
    except PhasescopeError as error:
        problems.append(str(error))
    problem = problems[0] if problems else None
    return RunEntry(folder, recipe, status, steps_in(folder.checkpoints), _size(folder.path), problem)


def _size(path: Path) -> int:
    """Bytes of all files in a folder; one that goes away meanwhile counts as nothing."""
    total = 0
    try:
        for entry in os.scandir(path):
            if entry.is_dir(follow_symlinks=False):
                total += _size(Path(entry.path))
            else:
                total += entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return total
    return total
