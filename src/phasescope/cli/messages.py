"""What the command line says on standard error, and how it is stopped."""

import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TextIO

LONGEST_LINE = 300


class Terminated(KeyboardInterrupt):
    """SIGTERM came; unwinds like Ctrl-C, so that one place closes a run for both."""


def say(text: str) -> None:
    r"""Write one printable line of at most 300 characters to standard error.

    Whatever a file or an argument smuggled in (line breaks, colours, right-to-left marks) is shown escaped.

    Example:
        >>> import contextlib, io
        >>> with contextlib.redirect_stderr(io.StringIO()) as log:
        ...     say("error: no run at 'a\x1b[31mb'")
        >>> log.getvalue()
        "error: no run at 'a\\x1b[31mb'\n"
    """
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    line = printable if len(printable) <= LONGEST_LINE else printable[: LONGEST_LINE - 3] + "..."
    encoding = sys.stderr.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)


@contextmanager
def note_warnings() -> Iterator[None]:
    """Show warnings as lines that begin with ``note:``, without the place in the code they came from.

    matplotlib logs that it cannot keep its list of fonts where a home folder is read-only; it finds another
    place by itself, and nobody needs to know.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        say(f"note: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise ``Terminated`` inside the block; only a main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
