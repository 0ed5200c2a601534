"""What a checkpoint file is measured on: the task and split that were typed, else those it names itself."""

from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from phasescope.config import one_line
from phasescope.errors import PhasescopeError
from phasescope.store.sealed import unseal
from phasescope.tasks.any_task import AnyTaskConfig, SequenceTaskConfig
from phasescope.tasks.config import GroupTask, ModularTask, TableTask, TaskConfig
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import SplitConfig, parse_split
from phasescope.tasks.task import Layout

AnyTask = ModularTask | GroupTask | TableTask
_TASK: TypeAdapter[AnyTask] = TypeAdapter(TaskConfig)
_ANY_TASK: TypeAdapter[AnyTask | SequenceTaskConfig] = TypeAdapter(AnyTaskConfig)
_LAYOUTS: dict[int, Layout] = {2: "a b", 3: "a b =", 4: "a o b ="}
_LARGEST_FILE = 1 << 30

CHECKPOINTS = (".safetensors", ".pt", ".pth")
"""How the names of checkpoint files end."""


def problem_of(path: Path, task: str | None, split: str | None) -> tuple[AnyTask, SplitConfig]:
    """Return the task and the split to measure a checkpoint file on.

    Args:
        path: The file; one of ours names its task and split, any other does not.
        task: Such as "a+b mod 113"; None to ask the file.
        split: Such as "nanda2023:0:0.3"; None to ask the file.

    Returns:
        Both as configs; a typed task has the layout "a b =" until the network's length is known.

    Raises:
        PhasescopeError: In one line, if one of them is neither typed nor in the file, or is not valid.
    """
    chosen_task = parse_task(task) if task is not None else None
    chosen_split = parse_split(split) if split is not None else None
    _require_checkpoint(path)
    if chosen_task is None or chosen_split is None:
        facts = _facts(path)
        chosen_task = chosen_task or _task_in(facts, path)
        chosen_split = chosen_split or _split_in(facts, path)
    return chosen_task, chosen_split


def _require_checkpoint(path: Path) -> None:
    """Refuse what cannot be a checkpoint by its name or its size, before it is asked for a task."""
    shown = str(path)[-120:]
    if not path.is_file():
        raise PhasescopeError(f"{shown} needs to be a checkpoint file; there is none")
    if path.suffix not in CHECKPOINTS:
        raise PhasescopeError(
            f"{shown} is no checkpoint and no run; those are {', '.join(CHECKPOINTS)} files and folders"
        )
    if path.stat().st_size == 0:
        raise PhasescopeError(f"{shown} is empty; a checkpoint file holds weights")


def laid_out_for(task: AnyTask, n_ctx: int) -> AnyTask:
    """Return a task in the layout whose length a network reads.

    Example:
        >>> laid_out_for(parse_task("a+b mod 59"), n_ctx=2).layout
        'a b'
    """
    if n_ctx not in _LAYOUTS:
        raise PhasescopeError(f"a task is read as 2 to 4 tokens; the network reads {n_ctx}")
    return task.model_copy(update={"layout": _LAYOUTS[n_ctx]})


def _facts(path: Path) -> dict[str, str]:
    """What a checkpoint of ours says about itself; nothing for any other file."""
    if path.suffix != ".safetensors" or path.stat().st_size > _LARGEST_FILE:
        return {}
    data = path.read_bytes()
    return dict(unseal(data, path).metadata) if b"phasescope" in data[:128] else {}


def _task_in(facts: dict[str, str], path: Path) -> AnyTask:
    if "task" not in facts:
        raise PhasescopeError(f"{str(path)[-120:]} does not say its task; add --task 'a+b mod 113' or so")
    try:
        return _TASK.validate_json(facts["task"])
    except ValidationError as error:
        _refuse_sequences(facts["task"], path)
        raise PhasescopeError(one_line(error, ModularTask, f"the task in {path}")) from None


def _refuse_sequences(task: str, path: Path) -> None:
    """Say of a checkpoint on sequences how it is read: with its run, which knows what it is asked."""
    with suppress(ValidationError):
        if isinstance(_ANY_TASK.validate_json(task), SequenceTaskConfig):
            raise PhasescopeError(
                f"{str(path)[-120:]} is on sequences; name its run instead: phasescope explain RUN --step N"
            )


def _split_in(facts: dict[str, str], path: Path) -> SplitConfig:
    if "split" not in facts:
        raise PhasescopeError(
            f"{str(path)[-120:]} does not say its split; add --split nanda2023:SEED:FRACTION, or all"
        )
    try:
        return SplitConfig.model_validate_json(facts["split"])
    except ValidationError as error:
        raise PhasescopeError(one_line(error, SplitConfig, f"the split in {path}")) from None
