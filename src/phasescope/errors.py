"""What can go wrong through no fault of ours, each with the exit status the command line gives it.

An error reads in one line: what was needed, what came, where, and what to do next.
"""


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
