"""One writer per run; as many readers as like.

The lock is the kernel's (``flock``): it goes with the process that holds it, however that ends, so
there are no stale locks to judge. The file's text only says who holds it, for the one refused.
"""

import fcntl
import json
import os
import platform
import time
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType

from phasescope.errors import PhasescopeError, RunInUse
from phasescope.store.run_folder import RunFolder

# a probe by is_locked holds the lock for microseconds; a new owner needs as long to write its name
_TRIES = 10
_SECONDS_BETWEEN_TRIES = 0.005


class RunLock:
    """Hold a run for writing, until the ``with`` block or the process ends.

    Args:
        folder: The run's.

    Raises:
        RunInUse: On entering, within some hundredths of a second, if another writer holds it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as root:
        ...     folder = RunFolder.create(Path(root), "demo", "{}", {})
        ...     with RunLock(folder):
        ...         inside = is_locked(folder)
        ...     inside, is_locked(folder)
        (True, False)
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._descriptor = -1

    def __enter__(self) -> "RunLock":
        try:
            descriptor = os.open(self.folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise PhasescopeError(f"cannot lock {self.folder.path} for writing: {error.strerror}") from None
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            owner = _owner(descriptor)
            os.close(descriptor)
            raise RunInUse(
                f"{self.folder.path} is being written by {owner}; wait for it or stop it (reading is free)"
            )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        note = {"pid": os.getpid(), "host": platform.node(), "since": now}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)  # which releases the lock
        self._descriptor = -1


def is_locked(folder: RunFolder) -> bool:
    """Say whether a writer holds the run now; never makes one wait.

    Args:
        folder: The run's.

    Example:
        >>> from pathlib import Path
        >>> is_locked(RunFolder(Path("no-such-run")))
        False
    """
    try:
        descriptor = os.open(folder.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # nobody ever wrote here
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _owner(descriptor: int) -> str:
    """Who holds the lock, as far as the file says."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        note = json.loads(os.pread(descriptor, 1000, 0))
        return f"process {note['pid']} on {note['host']} since {note['since']}"
    return "another process"
