"""What the tokens of a sequence task are called on a figure."""

from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.any_task import SequenceTaskConfig
from phasescope.tasks.predecessor import PredecessorTask
from phasescope.tasks.text import ALPHABET, TextTask


def token_names(task: SequenceTaskConfig) -> tuple[str, ...]:
    """Return a short name for each token.

    Args:
        task: What is read.

    Example:
        >>> token_names(AdditionTask())[8:], token_names(PredecessorTask(digits=3))
        (('8', '9', '+', '='), ('0', '1', '2', 'M', '?'))
    """
    numbers = tuple(str(token) for token in range(task.build().d_vocab))
    if isinstance(task, AdditionTask):
        return (*numbers[:10], "+", "=")
    if isinstance(task, PredecessorTask):
        return (*numbers[: task.digits], "M", "?")
    if isinstance(task, TextTask):
        return tuple(ALPHABET.replace(" ", "␣"))
    return numbers
