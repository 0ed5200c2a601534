"""Runs handed out to workers, one each, until every run is finished or has failed.

The folder of a run is the only truth: what is finished is skipped, what a lost worker left is taken up
at its last commit, and a run that fails is reported while the others go on. The scheduler does not know
what a worker is; `Pool` is all it asks.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from phasescope.progress import Progress
from phasescope.store.run_folder import RunFolder
from phasescope.store.status import read_status

MOST_LOSSES = 3
"""Workers that a run may lose one after the other without a new commit before it counts as failed."""
_SECONDS_BETWEEN_GLANCES = 0.2


@dataclass(frozen=True)
class Job:
    """A run to be trained: its folder, which holds the recipe, and the steps it asks for."""

    folder: RunFolder
    steps: int

    @property
    def root(self) -> Path:
        """The folder of runs."""
        return self.folder.path.parent


@dataclass(frozen=True)
class Ending:
    """How a worker's turn with a run ended.

    Args:
        complaint: What it said in one line; empty if all went well.
        lost: Whether the worker was killed rather than done; the run can go on.
    """

    complaint: str = ""
    lost: bool = False


@runtime_checkable
class Pool(Protocol):
    """Workers that train runs."""

    def room(self) -> int:
        """Return how many more runs can be started now."""

    def start(self, job: Job) -> None:
        """Begin with a run."""

    def ended(self) -> list[tuple[Job, Ending]]:
        """Return the runs whose turn has ended since the last call; never waits."""

    def close(self) -> None:
        """Stop every worker."""


@dataclass
class Turn:
    """What became of a run in this sweep.

    Args:
        attempts: Workers that had it; 0 if it was finished before.
        complaint: Why it failed; empty if it did not.
    """

    attempts: int = 0
    complaint: str = ""


def run_all(jobs: Sequence[Job], pool: Pool, *, show_progress: bool = True) -> dict[Path, Turn]:
    """Have every run trained, and return what became of each, by its folder.

    Args:
        jobs: The runs; one that is named twice is trained once.
        pool: Who trains them; closed at the end, whatever happens.
        show_progress: Whether to show how far all of them are together.
    """
    book = _Book({job.folder.path: job for job in jobs})
    shown = Progress(book.total, "steps", start=book.done) if show_progress and book.waiting else None
    try:
        while book.waiting or book.running:
            while book.waiting and pool.room() > 0:
                pool.start(book.next())
            time.sleep(_SECONDS_BETWEEN_GLANCES)
            for job, ending in pool.ended():
                book.end(job, ending)
            if shown:
                shown.update(book.done, book.in_words())
    finally:
        pool.close()
        if shown:
            shown.update(book.done, book.in_words())
            shown.__exit__(None, None, None)
    return book.turns


class _Book:
    """Which runs wait, which are in work, and how far all of them are."""

    def __init__(self, jobs: dict[Path, Job]) -> None:
        self.turns = {path: Turn() for path in jobs}
        self.total = sum(job.steps for job in jobs.values())
        self.waiting: deque[Job] = deque()
        self.running: dict[Path, Job] = {}
        self._at: dict[Path, int] = {}
        self._losses: dict[Path, tuple[int, int]] = {}
        for path, job in jobs.items():
            status = read_status(job.folder)
            self._at[path] = job.steps if status.state == "finished" else status.step
            if status.state != "finished":
                self.waiting.append(job)

    @property
    def done(self) -> int:
        """Steps behind all runs; those in work are looked up."""
        self._at.update((path, read_status(job.folder).step) for path, job in self.running.items())
        return sum(self._at.values())

    def next(self) -> Job:
        """Take the next run in hand."""
        job = self.waiting.popleft()
        self.running[job.folder.path] = job
        self.turns[job.folder.path].attempts += 1
        return job

    def end(self, job: Job, ending: Ending) -> None:
        """Write down how a turn ended; a run that lost its worker waits again, until it has lost too many."""
        path = job.folder.path
        del self.running[path]
        status = read_status(job.folder)
        if status.state == "finished":
            self._at[path] = job.steps  # it may have stopped early
            return
        if ending.lost:
            step, losses = self._losses.get(path, (-1, 0))
            losses = losses + 1 if step == status.step else 1
            self._losses[path] = (status.step, losses)
            if losses < MOST_LOSSES:
                self.waiting.append(job)
                return
        self._at[path] = job.steps  # nothing more will come of it
        self.turns[path].complaint = ending.complaint or f"ended at step {status.step} without a word"

    def in_words(self) -> str:
        """Runs by what they are doing, for the progress line."""
        failed = sum(bool(turn.complaint) for turn in self.turns.values())
        n_done = len(self.turns) - len(self.waiting) - len(self.running)
        parts = [f"{n_done} of {len(self.turns)} runs done", f"{len(self.running)} running"]
        return ", ".join(parts + [f"{failed} failed"] * bool(failed))
