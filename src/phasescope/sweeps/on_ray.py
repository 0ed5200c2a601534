"""Workers of a Ray cluster, for when one machine is not enough; the runs lie on a folder all nodes share.

Ray only finds a free core and tells when a worker dies. It retries nothing by itself: a lost run goes
back to the scheduler, which has it taken up at its last commit. The lock of a run's folder keeps a worker
that was only thought dead from writing beside its successor.
"""

import os
import socket
from importlib import import_module
from pathlib import Path
from typing import Any

from phasescope.errors import PhasescopeError
from phasescope.sweeps.scheduler import Ending, Job

LOCAL = "local"
"""Address of a cluster that is started here, for this sweep alone."""


_SECONDS_TO_ANSWER = 10


def check_address(address: str) -> None:
    """Refuse the address of a cluster that does not answer; ray itself would ask for many minutes.

    Raises:
        PhasescopeError: If nothing listens there.

    Example:
        >>> check_address("127.0.0.1:1")
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: no ray cluster answers at 127.0.0.1:1: Connection refused
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # a name that ray resolves: local, auto
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PhasescopeError(f"no ray cluster answers at {address:.120}: {reason}") from None


class RayWorkers:
    """A task a run, one core each.

    Args:
        worker: Module with a function ``work(recipe_json, root) -> complaint``, installed on every node.
        address: Of a running cluster, such as ``ray://head:10001`` or ``auto``; or ``local``.
        n: Runs at a time; 0 for one per core of the cluster.

    Raises:
        PhasescopeError: If ray is not installed, or no cluster answers at the address.
    """

    def __init__(self, worker: str, address: str = LOCAL, n: int = 0) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise PhasescopeError("--ray needs ray: pip install 'phasescope[sweeps]'") from None
        self.ray: Any = ray
        options = {"logging_level": "ERROR", "log_to_driver": False}
        try:
            if address == LOCAL:
                ray.init(num_cpus=n or None, include_dashboard=False, **options)
            else:
                ray.init(address=address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise PhasescopeError(f"no ray cluster answers at {address:.120}: {error}") from None
        self.n = n
        # a task that has ended with an exception must not run again: it would only fail again
        self.task = ray.remote(num_cpus=1, max_retries=0)(_work)
        self.worker = worker
        self.running: dict[Any, Job] = {}

    def room(self) -> int:
        """Return how many more runs can be started now; a cluster may grow meanwhile."""
        return (self.n or int(self.ray.cluster_resources().get("CPU", 1))) - len(self.running)

    def start(self, job: Job) -> None:
        """Begin with a run."""
        place = str(job.root.resolve())  # the same path on every node
        self.running[self.task.remote(self.worker, job.folder.recipe_json(), place)] = job

    def ended(self) -> list[tuple[Job, Ending]]:
        """Return the runs whose task has ended since the last call."""
        if not self.running:
            return []
        over, _ = self.ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
        return [(self.running.pop(task), self._ending(task)) for task in over]

    def close(self) -> None:
        """Stop the tasks that still run, and leave the cluster."""
        for task in self.running:
            self.ray.cancel(task, force=True)
        self.ray.shutdown()

    def _ending(self, task: Any) -> Ending:
        """What became of a task."""
        lost = self.ray.exceptions
        try:
            return Ending(self.ray.get(task))
        except (lost.WorkerCrashedError, lost.NodeDiedError, lost.OutOfMemoryError) as error:
            return Ending(f"its ray worker was lost ({type(error).__name__})", lost=True)
        except lost.RayError as error:
            return Ending(str(error).strip().splitlines()[-1])


def _work(worker: str, recipe_json: str, root: str) -> str:
    """Train a run in a worker's process; return what it complained about."""
    complaint: str = import_module(worker).work(recipe_json, Path(root))
    return complaint
