"""A checkpoint file as a command reads it: its network, and the task and split it is looked at on."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phasescope.cli.messages import say
from phasescope.cli.problem import CHECKPOINTS, laid_out_for, problem_of
from phasescope.errors import PhasescopeError
from phasescope.tasks.split import Split, SplitConfig
from phasescope.tasks.task import Task

if TYPE_CHECKING:
    from phasescope.models.checkpoint_file import LoadedModel

_MOST_NAMED = 3


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """What a checkpoint file holds, and what to look at it on."""

    loaded: "LoadedModel"
    """The network, its step and its source."""
    task: Task
    """The task, in the layout that the network reads."""
    split: Split
    """Which pairs it was trained on."""
    split_config: SplitConfig
    """The same as it was typed, or as the file says it."""


def names_a_file(what: str) -> bool:
    """Say whether a word names a checkpoint file rather than a run.

    Example:
        >>> names_a_file("no-such.pth"), names_a_file("nanda2023-seed0")
        (True, False)
    """
    return Path(what).is_file() or Path(what).suffix in CHECKPOINTS


def open_network_file(path: Path, task: str | None, split: str | None, threads: int) -> NetworkFile:
    """Open a checkpoint file; all that can be refused without torch is refused before torch is loaded.

    What the file holds besides weights, and was not made, is said on standard error.

    Args:
        path: The file.
        task: Such as "a+b mod 113"; None to ask the file.
        split: Such as "nanda2023:0:0.3"; None to ask the file.
        threads: CPU threads; 0 for all cores.

    Raises:
        PhasescopeError: If there is no such file, task or split, or they do not fit.
    """
    task_config, split_config = problem_of(path, task, split)
    split_config.split(task_config.build())

    from phasescope.models.checkpoint_file import load_checkpoint_file
    from phasescope.training.machine import tune

    tune(threads)
    loaded = load_checkpoint_file(path)
    if loaded.left_out:
        rest = len(loaded.left_out) - _MOST_NAMED
        more = f" and {rest} more" if rest > 0 else ""
        named = ", ".join(loaded.left_out[:_MOST_NAMED])
        say(f"note: {path.name} holds more than weights; not made: {named}{more}")
    if task is not None:
        task_config = laid_out_for(task_config, loaded.model.shape.n_ctx)
    built = task_config.build()
    return NetworkFile(loaded, built, split_config.split(built), split_config)


def key_frequencies(text: str | None) -> list[int] | None:
    """Return the key frequencies that were typed: whole numbers with commas between; None for none.

    Raises:
        PhasescopeError: If the text is anything else.

    Example:
        >>> key_frequencies("14,35")
        [14, 35]
    """
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise PhasescopeError(f"--keys needs whole numbers with commas between; got {text!r:.60}") from None
