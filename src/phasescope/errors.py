"""What can go wrong through no fault of ours, each with the exit status the command line gives it.

An error reads in one line: what was needed, what came, where, and what to do next.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Record = TypeVar("Record")


class PhasescopeError(ValueError):
    """A user's mistake or a damaged file; the command line prints it in one line, without a traceback.

    Example:
        >>> PhasescopeError.exit_status, DamagedFile.exit_status
        (2, 4)
    """

    exit_status = 2


class RunInUse(PhasescopeError):
    """A second writer asked for a run that has one."""


class NonFinite(PhasescopeError):
    """Training produced a NaN or an infinity; the message names the step and the tensor."""

    exit_status = 3


class DamagedFile(PhasescopeError):
    """A file's checksum or structure is wrong; the message names the file."""

    exit_status = 4


class DiskFull(PhasescopeError):
    """There is no room left for what has to be written."""

    exit_status = 5


def look_up(
    what: str, names: str | Iterable[str], known: Mapping[str, Record], listing: str
) -> dict[str, Record]:
    """Return the records of some names, or refuse the first that is unknown and offer the nearest.

    Args:
        what: What they name, in a word.
        names: An exact name, or several.
        known: Every record by its name.
        listing: What to do to see them all.

    Raises:
        PhasescopeError: If a name is unknown.

    Example:
        >>> look_up("measure", "los", {"loss": 1}, "phasescope measure --list shows them")
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: there is no measure 'los'; did you mean loss?
    """
    chosen = [names] if isinstance(names, str) else list(names)
    for name in chosen:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else listing
            raise PhasescopeError(f"there is no {what} {name[:80]!r}; {hint}")
    return {name: known[name] for name in chosen}
