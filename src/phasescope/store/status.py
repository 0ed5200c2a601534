"""How far a run is, in one small file that is replaced whole."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError

from phasescope.config import Config, one_line
from phasescope.errors import DamagedFile
from phasescope.store.durable import write_durably
from phasescope.store.run_folder import RunFolder


class Status(Config):
    """How far a run is.

    Example:
        >>> Status(state="training", step=100, steps=16_000).outcome is None
        True
    """

    state: Literal["created", "training", "interrupted", "finished", "failed"] = "created"
    """``interrupted`` can be resumed; a killed run still says ``training``, but holds no lock."""
    outcome: str | None = None
    """How it ended, in words."""
    step: int = 0
    """Last step committed."""
    steps: int | None = None
    """Steps asked for."""
    wall_seconds: float = 0.0
    """Time spent in training, over all sessions."""
    sessions: int = 0
    """Processes that have trained it, the present one among them; 0 where that was not counted yet."""
    updated: str | None = None
    """When this was written, UTC."""


def write_status(folder: RunFolder, status: Status) -> None:
    """Replace a run's status durably, stamped with the time.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as root:
        ...     folder = RunFolder.create(Path(root), "demo", "{}", {})
        ...     write_status(folder, Status(state="training", step=100))
        ...     read_status(folder).step
        100
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_durably(
        folder.status, status.model_copy(update={"updated": now}).model_dump_json().encode() + b"\n"
    )


def read_status(folder: RunFolder) -> Status:
    """Return a run's status; ``created`` if none was written yet.

    Raises:
        DamagedFile: If the file is there but holds no status.
    """
    try:
        return Status.model_validate_json(folder.status.read_bytes())
    except FileNotFoundError:
        return Status()
    except ValidationError as error:
        raise DamagedFile(one_line(error, Status, str(folder.status))) from None
    except OSError as error:
        raise DamagedFile(f"{folder.status} cannot be read: {error.strerror or error}") from None
