"""Several runs at once: one process per core, each with one thread.

A member is an ordinary run in a folder of its own, so it resumes, is measured and is equal, bit for bit,
to the same recipe trained alone.
"""

from collections.abc import Sequence
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.store.run_folder import RunFolder
from phasescope.sweeps.on_ray import RayWorkers, check_address
from phasescope.sweeps.processes import Processes
from phasescope.sweeps.scheduler import Job, Turn, run_all
from phasescope.training.machine import cores
from phasescope.training.recipe import Recipe
from phasescope.training.run import Run
from phasescope.training.stacked import check_stacks, train_stacks

_WORKER = "phasescope.training.member"


def train_all(
    recipes: Sequence[Recipe],
    root: Path | str = "runs",
    *,
    workers: int = 0,
    stacked: str = "",
    show_progress: bool = True,
) -> list[Run]:
    """Train several recipes, as many at a time as there are cores; finished ones are not trained again.

    Args:
        recipes: What to train. Each takes one thread, whatever it names.
        root: Folder of runs.
        workers: Runs at a time; 0 for one per core.
        stacked: A device on which they are trained as one network instead; see ``training.stacked``.
        show_progress: Whether to show how far they all are together.

    Returns:
        The runs, in the order of their recipes.

    Raises:
        PhasescopeError: If some members failed, after the others went on to their end; names the first.
    """
    turns = train_members(recipes, root, workers=workers, stacked=stacked, show_progress=show_progress)
    failed = {folder: turn for folder, turn in turns if turn.complaint}
    if failed:
        first, turn = next(iter(failed.items()))
        raise PhasescopeError(
            f"{len(failed)} of {len(turns)} runs failed, the others are complete; "
            f"the first, {first.path.name}: {turn.complaint}"
        )
    return [Run(folder) for folder, _ in turns]


def train_members(
    recipes: Sequence[Recipe],
    root: Path | str = "runs",
    *,
    workers: int = 0,
    ray: str = "",
    stacked: str = "",
    show_progress: bool = True,
) -> list[tuple[RunFolder, Turn]]:
    """Train several recipes, here or on a Ray cluster, and say what became of each; none stops the others.

    Args:
        recipes: What to train. Each takes one thread, whatever it names.
        root: Folder of runs, which every node of a cluster sees at the same path.
        workers: Runs at a time; 0 for one per core.
        ray: Address of a Ray cluster, "local" to start one; empty for processes of this machine.
        stacked: A device on which they are trained as one network instead; see ``training.stacked``.
        show_progress: Whether to show how far they all are together.

    Returns:
        Each run's folder and how it went, in the order of the recipes.

    Raises:
        PhasescopeError: If there is no such cluster or device, or a recipe cannot be stacked.
    """
    members = [as_member(recipe) for recipe in recipes]
    check_ways(members, workers, ray, stacked)
    if stacked:
        return train_stacks(members, root, stacked, show_progress=show_progress)
    pool = RayWorkers(_WORKER, ray, workers) if ray else Processes(_WORKER, workers or cores())
    jobs = [
        Job(RunFolder.create(Path(root), member.name, member.canonical_json(), {}), member.steps)
        for member in members
    ]
    turns = run_all(jobs, pool, show_progress=show_progress)
    return [(job.folder, turns[job.folder.path]) for job in jobs]


def as_member(recipe: Recipe) -> Recipe:
    """Return a recipe as several at once are trained: on one thread.

    Example:
        >>> from phasescope.training.presets import nanda2023
        >>> as_member(nanda2023()).threads
        1
    """
    return recipe.model_copy(update={"threads": 1})


def check_ways(recipes: Sequence[Recipe], workers: int = 0, ray: str = "", stacked: str = "") -> None:
    """Refuse what cannot train these recipes, before anything is made.

    Raises:
        PhasescopeError: If the number of workers is negative, nothing answers at the cluster's address, or a
            recipe or a device cannot be part of a stack.

    Example:
        >>> check_ways([], workers=-1)
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: workers needs to be 0 (one per core) or more; got -1
    """
    if workers < 0:
        raise PhasescopeError(f"workers needs to be 0 (one per core) or more; got {workers}")
    if stacked and (workers or ray):
        raise PhasescopeError("a stack trains in one process on one device; leave out workers and ray")
    if stacked:
        check_stacks(recipes, stacked)
    if ray:
        check_address(ray)
