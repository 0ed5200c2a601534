"""Progress of a long job: a bar on a terminal, a plain line every so often in a pipe.

The bar redraws itself only where somebody looks at it; a log file gets a line every ten seconds.
"""

import sys
import time
from io import StringIO
from types import TracebackType
from typing import IO

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_DRAWINGS = 0.1
_BAR_WIDTH = 24


class Progress:
    """Show how far a job is, how fast it goes and when it will be done.

    Args:
        total: Steps of the whole job.
        unit: What is counted, in the plural.
        start: Steps already done before this process (a resumed run), left out of the speed.
        stream: Where to write; standard error if left out.

    Example:
        >>> import io
        >>> log = io.StringIO()
        >>> with Progress(total=10, unit="steps", stream=log) as progress:
        ...     progress.update(10, "train loss 1e-7")
        >>> print(log.getvalue().split(" steps ")[0])
        10/10
    """

    def __init__(
        self, total: int, unit: str = "steps", start: int = 0, stream: IO[str] | StringIO | None = None
    ) -> None:
        self.total = total
        self.unit = unit
        self.start = start
        self.stream = stream if stream is not None else sys.stderr
        self.on_terminal = self.stream.isatty()
        self.began = time.monotonic()
        self.shown_at = float("-inf")
        self.done = start
        self.shown = -1
        self.note = ""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.shown != self.done:
            self._show()
        if self.on_terminal:
            self.stream.write("\n")
            self.stream.flush()

    def update(self, done: int, note: str = "") -> None:
        """Say that ``done`` steps are behind us; ``note`` stands behind the numbers."""
        self.done = done
        self.note = note or self.note
        wait = _SECONDS_BETWEEN_DRAWINGS if self.on_terminal else _SECONDS_BETWEEN_LINES
        if time.monotonic() - self.shown_at >= wait:
            self._show()

    def _show(self) -> None:
        self.shown_at = time.monotonic()
        self.shown = self.done
        seconds = max(self.shown_at - self.began, 1e-9)
        speed = (self.done - self.start) / seconds
        left = (self.total - self.done) / speed if speed > 0 else float("nan")
        text = f"{self.done:,}/{self.total:,} {self.unit}  {speed:.1f}/s  "
        text += f"left {_clock(left)}" if self.done < self.total else f"took {_clock(seconds)}"
        if self.note:
            text += f"  {self.note}"
        if self.on_terminal:
            filled = round(_BAR_WIDTH * self.done / max(self.total, 1))
            bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
            self.stream.write(f"\r\x1b[2K{bar} {text}")
        else:
            self.stream.write(text + "\n")
        self.stream.flush()


def _clock(seconds: float) -> str:
    """Minutes and seconds, or a dash while nothing is known."""
    if not seconds < 1e7:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
