"""Several runs at once: one process per core, each with one thread.

On a CPU this is the fastest way there is: two threads on one small network wait for one another,
two networks do not. A member is an ordinary run in a folder of its own, so it resumes, is measured
and is equal, bit for bit, to the same recipe trained alone.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.progress import Progress
from phasescope.store.run_folder import RunFolder
from phasescope.store.status import read_status
from phasescope.training.machine import cores
from phasescope.training.recipe import Recipe
from phasescope.training.run import Run

_SECONDS_BETWEEN_GLANCES = 0.2
_MEMBER = """
import sys
from phasescope.errors import PhasescopeError
from phasescope.training.engine import train
from phasescope.training.recipe import Recipe
try:
    train(Recipe.from_json(sys.stdin.read()), root=sys.argv[1], show_progress=False)
except PhasescopeError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
"""


def train_all(
    recipes: Sequence[Recipe],
    root: Path | str = "runs",
    *,
    workers: int = 0,
    show_progress: bool = True,
) -> list[Run]:
    """Train several recipes, as many at a time as there are cores; finished ones are not trained again.

    Args:
        recipes: What to train. Each takes one thread, whatever it names.
        root: Folder of runs.
        workers: Runs at a time; 0 for one per core.
        show_progress: Whether to show how far they all are together.

    Returns:
        The runs, in the order of their recipes.

    Raises:
        PhasescopeError: If some members failed, after the others went on to their end; names each.
    """
    members = [recipe.model_copy(update={"threads": 1}) for recipe in recipes]
    folders = [RunFolder.create(Path(root), m.name, m.canonical_json(), {}) for m in members]
    waiting = [i for i, folder in enumerate(folders) if read_status(folder).state != "finished"]
    running: dict[int, subprocess.Popen[str]] = {}
    failed: dict[int, str] = {}
    total = sum(member.steps for member in members)
    shown = Progress(total, "steps", start=_steps_done(folders)) if show_progress and waiting else None
    try:
        while waiting or running:
            while waiting and len(running) < (workers or cores()):
                i = waiting.pop(0)
                running[i] = _start(members[i], Path(root))
            time.sleep(_SECONDS_BETWEEN_GLANCES)
            for i in [i for i, process in running.items() if process.poll() is not None]:
                process = running.pop(i)
                complaint = process.communicate()[1].strip()
                if process.returncode:
                    failed[i] = complaint.splitlines()[-1] if complaint else f"ended by {process.returncode}"
            if shown:
                shown.update(_steps_done(folders), f"{len(running)} running, {len(waiting)} waiting")
    finally:
        for process in running.values():
            process.terminate()
        if shown:
            shown.__exit__(None, None, None)
    if failed:
        first = next(iter(failed))
        raise PhasescopeError(
            f"{len(failed)} of {len(members)} runs failed, the others are complete; "
            f"the first, {folders[first].path.name}: {failed[first]}"
        )
    return [Run(folder) for folder in folders]


def _start(recipe: Recipe, root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _MEMBER, str(root)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(recipe.canonical_json())
    process.stdin.close()
    process.stdin = None  # or communicate() would flush it again
    return process


def _steps_done(folders: Sequence[RunFolder]) -> int:
    return sum(read_status(folder).step for folder in folders)
