"""Workers that are processes of this machine, a fresh one for each run.

On a CPU this is the fastest way there is: two threads on one small network wait for one another, two
networks do not. A process that is killed takes no other with it.
"""

import subprocess
import sys
import tempfile
from typing import IO

from phasescope.sweeps.scheduler import Ending, Job


class Processes:
    """One process a run, as many at a time as asked for.

    Args:
        worker: Module that trains the recipe on its standard input, ``python -m WORKER ROOT``.
        n: Processes at a time.
    """

    def __init__(self, worker: str, n: int) -> None:
        self.worker = worker
        self.n = n
        self.running: list[tuple[Job, subprocess.Popen[bytes], IO[bytes]]] = []

    def room(self) -> int:
        """Return how many more runs can be started now."""
        return self.n - len(self.running)

    def start(self, job: Job) -> None:
        """Begin with a run."""
        # a pipe that nobody reads would stop a talkative worker
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        with job.folder.recipe.open("rb") as recipe:
            command = [sys.executable, "-m", self.worker, str(job.root)]
            process = subprocess.Popen(command, stdin=recipe, stderr=complaints)
        self.running.append((job, process, complaints))

    def ended(self) -> list[tuple[Job, Ending]]:
        """Return the runs whose process has ended since the last call."""
        over = [one for one in self.running if one[1].poll() is not None]
        self.running = [one for one in self.running if one not in over]
        return [(job, _ending(process.returncode, complaints)) for job, process, complaints in over]

    def close(self) -> None:
        """Stop every process at its last commit."""
        for _, process, complaints in self.running:
            process.terminate()
            complaints.close()
        for _, process, _ in self.running:
            process.wait()
        self.running = []


def _ending(status: int, complaints: IO[bytes]) -> Ending:
    """What a process's exit status and last words mean; a negative status is the signal that ended it."""
    with complaints:
        complaints.seek(0)
        lines = complaints.read().decode(errors="replace").strip().splitlines()
    if status < 0:
        return Ending(f"its process was killed by signal {-status}", lost=True)
    return Ending((lines[-1] if lines else f"its process ended with status {status}") if status else "")
