"""A hypothesis about a circuit along sequences: its heads or paths are found, then held against criteria."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic

import torch

from phasescope.circuits.hypothesis import Criterion, Judgement, Subject, judgement
from phasescope.circuits.sequences.context import SequenceContext


@dataclass(frozen=True)
class SequenceHypothesis(Generic[Subject]):
    """A claim about the circuit behind a network's answers, and the criteria by which it wants to be judged.

    Attributes:
        name: Its exact name.
        statement: What it claims, in one sentence.
        references: Keys of the papers that put it forward.
        find: The heads or paths that would be the circuit, in this network.
        words: What the sentences of its criteria call them, by name.
        criteria: What it predicts of them.
        speaks_of: Whether it says anything of a network and its questions.
    """

    name: str
    statement: str
    references: tuple[str, ...]
    find: Callable[[SequenceContext], Subject]
    words: Callable[[Subject], Mapping[str, str]]
    criteria: tuple[Criterion[Subject], ...]
    speaks_of: Callable[[SequenceContext], bool]

    def judge(self, context: SequenceContext) -> Judgement:
        """Hold a network against every criterion.

        Args:
            context: The network and what it is asked.

        Returns:
            The verdict and all the evidence.

        Example:
            >>> import numpy as np
            >>> from phasescope.circuits.sequences.virtual import HYPOTHESIS
            >>> from phasescope.models.handmade_heads import virtual_head
            >>> from phasescope.tasks.predecessor import PredecessorTask
            >>> some = PredecessorTask().build().draw(np.random.default_rng(0), 200)
            >>> HYPOTHESIS.judge(SequenceContext(virtual_head(10, 16), some)).sentence
            'virtual head: shown; 6 of 6 findings speak for it.'
        """
        with torch.no_grad():
            subject = self.find(context)
            words = self.words(subject)
            findings = tuple(criterion.finding(subject, words) for criterion in self.criteria)
        return judgement(self.name, self.statement, findings)
