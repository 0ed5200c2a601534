"""Files that are whole or not there, whatever happens to the process, the disk or the power.

A file is written under a temporary name, flushed to the disk and renamed; then the folder is
flushed, because a rename is only a promise until its folder is on the disk too. Every call to the
operating system that changes a run goes through this file (SQLite guards its own).
"""

import errno
import fcntl
import os
import secrets
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from phasescope.errors import DiskFull, PhasescopeError

TEMPORARY = ".tmp"


def write_durably(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, replacing what was there, so that it survives a crash right after.

    A reader sees the old file or the new one, never a part. When this returns, the data is on the
    disk; when it raises, nothing was promised and no temporary file is left behind.

    Args:
        path: Where the file belongs; its folder exists.
        data: The whole content.

    Raises:
        PhasescopeError: If the system refuses; the message names the path, the reason and the space left.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_durably(Path(folder) / "note.txt", b"kept")
        ...     sorted(file.name for file in Path(folder).iterdir())
        ['note.txt']
    """
    temporary = temporary_beside(path)
    try:
        _write_and_flush(temporary, data)
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _refusal("write", path, error) from None
    finally:
        with suppress(OSError):  # after the rename it is gone already
            os.unlink(temporary)


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents, each flushed into the folder that holds it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     make_folder(Path(folder) / "a" / "b")
        ...     (Path(folder) / "a" / "b").is_dir()
        True
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            _flush_folder(folder.parent)
    except OSError as error:
        raise _refusal("make the folder", path, error) from None


def require_folder(folder: Path) -> None:
    """Refuse a place for results that is no folder or takes no files, before anything slow is done.

    Args:
        folder: A folder that is there or will be made.

    Raises:
        PhasescopeError: If it cannot be one, or may not be written to.

    Example:
        >>> require_folder(Path("."))
    """
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise PhasescopeError(f"{str(folder)[-120:]} needs to be a folder; {str(place)[-120:]} is a file")
    nearest = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PhasescopeError(
            f"results go to {str(folder)[-120:]}; {str(nearest)[-120:]} may not be written to"
        )


def move_durably(source: Path, target: Path) -> None:
    """Rename a file or a folder within its parent, and flush the parent.

    Raises:
        PhasescopeError: If the system refuses, for one because a folder ``target`` already holds files.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "draft").mkdir()
        ...     move_durably(Path(folder) / "draft", Path(folder) / "final")
        ...     [entry.name for entry in Path(folder).iterdir()]
        ['final']
    """
    try:
        os.replace(source, target)
        _flush_folder(target.parent)
    except OSError as error:
        raise _refusal("make", target, error) from None


def temporary_beside(path: Path) -> Path:
    """Return a fresh name in the same folder that no reader takes for a finished file.

    Example:
        >>> temporary_beside(Path("checkpoints/000000100.safetensors")).suffix
        '.tmp'
    """
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")


def temporaries_in(folder: Path, beginning: str = "") -> tuple[Path, ...]:
    """Return what unfinished writes left in a folder, files and folders, by name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "a.json.0123abcd.tmp").touch()
        ...     (Path(folder) / "a.json").touch()
        ...     [path.name for path in temporaries_in(Path(folder))]
        ['a.json.0123abcd.tmp']
    """
    if not folder.is_dir():
        return ()
    names = sorted(entry.name for entry in os.scandir(folder))
    return tuple(folder / name for name in names if name.startswith(beginning) and name.endswith(TEMPORARY))


def sweep_temporaries(folder: Path, beginning: str = "") -> None:
    """Remove what unfinished writes left; only for the one who holds the run's lock.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "a.json.0123abcd.tmp").touch()
        ...     sweep_temporaries(Path(folder))
        ...     list(Path(folder).iterdir())
        []
    """
    for path in temporaries_in(folder, beginning):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                os.unlink(path)


def remove(path: Path) -> None:
    """Remove a file; one that is not there counts as removed.

    Not flushed: after a power cut the file may be back, and nobody minds.

    Example:
        >>> remove(Path("no-such-file"))
    """
    try:
        with suppress(FileNotFoundError):
            os.unlink(path)
    except OSError as error:
        raise _refusal("remove", path, error) from None


def _write_and_flush(path: Path, data: bytes) -> None:
    """Write a new file to the disk itself; a short write is continued."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        _flush(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(path: Path) -> None:
    """Write a folder's names to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _flush(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot flush a folder; no more can be done
            raise
    finally:
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    """Wait until the disk has it; on macOS fsync stops at the drive's own memory."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _refusal(what: str, path: Path, error: OSError) -> PhasescopeError:
    """Say what could not be done, why, how much room is left, and what to do."""
    room = ""
    with suppress(OSError):
        room = f" ({shutil.disk_usage(path.parent).free / 1e6:.0f} MB free there)"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space" if full else "check the disk and the permissions"
    refusal = DiskFull if full else PhasescopeError
    return refusal(
        f"cannot {what} {path}: {error.strerror or error}{room}; {advice}, then run the same command again"
    )
