"""Frames kept in memory, so that each checkpoint is read once however many pages ask for it."""

import stat
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from phasescope.errors import PhasescopeError
from phasescope.store import checkpoints
from phasescope.store.run_folder import RunFolder, step_file
from phasescope.viewer.frames import Frame, read_frame
from phasescope.viewer.problem import Problem


class FrameCache:
    """The frames asked for last, a bounded number of them; safe to ask from many threads.

    A checkpoint is written once and never changed, but a run may be removed and trained again: a frame
    is known by its file's time of change and size too.

    Args:
        at_most: How many frames are kept; one of the mainline takes some 100 kB.

    Example:
        >>> FrameCache(2).at_most
        2
    """

    def __init__(self, at_most: int = 1200) -> None:
        self.at_most = at_most
        self._frames: OrderedDict[tuple[Path, int, int, int], Frame] = OrderedDict()
        self._change = threading.Lock()
        self._reading = threading.Lock()

    def get(self, folder: RunFolder, step: int, problem: Problem) -> Frame:
        """Return a checkpoint's frame, from memory or else from its file.

        Raises:
            PhasescopeError: If there is no such checkpoint.
            DamagedFile: If its bits changed.
        """
        key = _key(folder, step)
        if (frame := self._known(key)) is not None:
            return frame
        with self._reading:  # one at a time: the other asks for the same, as a rule
            if (frame := self._known(key)) is not None:
                return frame
            frame = read_frame(folder, step, problem)
            with self._change:
                self._frames[key] = frame
                while len(self._frames) > self.at_most:
                    self._frames.popitem(last=False)
            return frame

    def _known(self, key: tuple[Path, int, int, int]) -> Frame | None:
        with self._change:
            if key in self._frames:
                self._frames.move_to_end(key)
            return self._frames.get(key)


def read_own(folder: RunFolder, step: int) -> Mapping[str, NDArray[Any]]:
    """Read a checkpoint's weights, if it is a file of the run and no link to elsewhere.

    Raises:
        PhasescopeError: If there is no such checkpoint.
        DamagedFile: If its bits changed.
    """
    _key(folder, step)
    return checkpoints.read(folder, step).tensors


def _key(folder: RunFolder, step: int) -> tuple[Path, int, int, int]:
    """Where a checkpoint lies, and which one it is; a link, which may lead anywhere, is none of ours."""
    path = step_file(folder.checkpoints, step)
    try:
        found = path.lstat()
    except OSError:
        raise PhasescopeError(f"there is no checkpoint of step {step}") from None
    if not stat.S_ISREG(found.st_mode):
        raise PhasescopeError(f"the checkpoint of step {step} is no file of the run")
    return path, step, found.st_mtime_ns, found.st_size
