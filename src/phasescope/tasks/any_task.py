"""Every task a recipe may name, binary operations and sequences, and every way to choose its data."""

from typing import Annotated

from pydantic import Field

from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.config import GroupTask, ModularTask, TableTask
from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.tasks.markov import BigramTask, ToyLanguageTask
from phasescope.tasks.parity import ParityTask
from phasescope.tasks.predecessor import PredecessorTask
from phasescope.tasks.repeats import RepeatTask
from phasescope.tasks.skip_trigrams import SkipTrigramTask
from phasescope.tasks.split import SplitConfig
from phasescope.tasks.text import TextTask

SequenceTaskConfig = (
    AdditionTask
    | RepeatTask
    | SkipTrigramTask
    | PredecessorTask
    | BigramTask
    | ToyLanguageTask
    | ParityTask
    | TextTask
)
"""The sequence tasks."""

AnyTaskConfig = Annotated[
    ModularTask | GroupTask | TableTask | SequenceTaskConfig, Field(discriminator="kind")
]
"""Any task, told apart by ``kind``."""

AnySplitConfig = Annotated[SplitConfig | StreamSplit | DrawnSplit, Field(discriminator="kind")]
"""Any choice of data: a split of all pairs of an operation, a stream of sequences, or a drawn set of them."""
