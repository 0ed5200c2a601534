"""Several runs in one process, trained as one network: for a GPU, and for networks too small for a core.

Each member is an ordinary run in a folder of its own: it resumes, is followed and is measured like any other.
"""

import math
import resource
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import NamedTuple

import torch

from phasescope.errors import NonFinite, PhasescopeError
from phasescope.progress import Progress
from phasescope.store.lock import RunLock
from phasescope.store.metrics import MetricsLog
from phasescope.store.run_folder import RunFolder
from phasescope.training.engine import Session
from phasescope.training.machine import tune
from phasescope.training.recipe import Recipe
from phasescope.training.run import Run
from phasescope.training.stack import StackMember, check_stackable, stack_up

_FILES_A_RUN = 4
"""Its lock, and SQLite's three."""
_OTHER_FILES = 200


def train_stacked(
    recipes: Sequence[Recipe], root: Path | str = "runs", *, device: str = "cpu", show_progress: bool = True
) -> list[Run]:
    """Train several recipes as one, on one device; finished ones are not trained again.

    Interrupted, each goes on at its own last commit. A member whose loss is no longer finite ends there, and
    the others go on.

    Args:
        recipes: What to train; they share all but seeds, labels and weight decay (``stack.check_stackable``).
        root: Folder of runs.
        device: "cpu", "cuda", "cuda:1", as torch names it.
        show_progress: Whether to show how far they all are together.

    Returns:
        The runs, in the order of their recipes.

    Raises:
        PhasescopeError: Before anything is made, if the recipes do not fit together or there is no such
            device; after the others came to their end, if some members failed: it names the first.

    Example:
        >>> import tempfile
        >>> from phasescope.training.presets import nanda2023
        >>> recipes = [nanda2023(seed=seed, steps=20) for seed in (0, 1)]
        >>> with tempfile.TemporaryDirectory() as root:
        ...     [run.ended for run in train_stacked(recipes, root, show_progress=False)]
        ['memorised 2% of train', 'memorised 2% of train']
    """
    alone = [recipe.model_copy(update={"threads": 1}) for recipe in recipes]
    check_stackable(alone)
    _check_device(device)
    runs = [Run(RunFolder.create(Path(root), one.name, one.canonical_json(), {})) for one in alone]
    waiting = [(one, run) for one, run in zip(alone, runs, strict=True) if run.status.state != "finished"]
    _allow_files(_FILES_A_RUN * len(waiting) + _OTHER_FILES)
    with ExitStack() as held:
        machine, places = tune(), []
        for recipe, run in waiting:
            held.enter_context(RunLock(run.folder))
            log = held.enter_context(MetricsLog(run.folder.metrics))
            member = StackMember(recipe, device)
            places.append(_Place(member, Session(recipe, run.folder, log, member, machine)))
        start = sum(place.member.step for place in places)
        total = len(places) * recipes[0].steps
        shown = Progress(total, "steps", start=start) if show_progress and places else None
        with shown or nullcontext():
            failed = [line for together in _at_one_step(places) for line in _train(together, device, shown)]
    if failed:
        raise PhasescopeError(
            f"{len(failed)} of {len(runs)} runs failed, the others are complete; the first, {failed[0]}"
        )
    return runs


class _Place(NamedTuple):
    """A member and its run on disk."""

    member: StackMember
    session: Session


def _at_one_step(places: Sequence[_Place]) -> list[list[_Place]]:
    """Part members by the step they were committed at: after a crash they may not be at the same one."""
    parts: dict[tuple[int, bool], list[_Place]] = defaultdict(list)
    for place in places:
        step, state = place.member.committed
        parts[step, state is None].append(place)
    return list(parts.values())


def _train(places: Sequence[_Place], device: str, shown: Progress | None) -> list[str]:
    """Train members of the same step to their ends; return a line for each that failed."""
    stack = stack_up([place.member for place in places], device)
    running, failed = list(places), []
    while running := [place for place in running if not place.session.visit()]:
        if shown:
            shown.update(shown.done + len(running))
        step, losses = stack.step, stack.advance()
        for place in running:
            if not math.isfinite(losses[place.member.index]):
                try:
                    place.session.give_up(step)
                except NonFinite as error:
                    failed.append(f"{place.session.folder.path.name}: {error}")
        running = [place for place in running if math.isfinite(losses[place.member.index])]
    return failed


def _check_device(device: str) -> None:
    """Refuse a device that torch does not have, before anything is made."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise PhasescopeError(f"device {device!r:.40} is not to be had; {reason:.160}") from None


def _allow_files(n: int) -> None:
    """Ask the system for as many open files as the runs need; their locks and series stay open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < n:
        if hard != resource.RLIM_INFINITY and hard < n:
            raise PhasescopeError(f"so many runs at once need {n:,} open files; this system allows {hard:,}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))
