"""All that is read off one network on sequences in order to explain it, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

from phasescope.circuits.hypothesis import Judgement
from phasescope.circuits.sequences.context import SequenceContext
from phasescope.circuits.sequences.effects import Effects
from phasescope.circuits.sequences.over_training import Appearance, PartsOverTraining

Scores = Mapping[str, float]
"""A number for each head or pair of heads, by name."""

OWN, RIGHT = "its own column", "the column to the right"
"""Where a head may look from a digit of a sum: at what is added there, or at where the carry comes from."""


@dataclass(frozen=True)
class PathReading:
    """What the paths through some layers do.

    Args:
        alone: Accuracy of what they add to the logits.
        without: Accuracy of the rest.
    """

    alone: float
    without: float


@dataclass(frozen=True)
class NeuronReading:
    """The neurons that serve one class of questions.

    Args:
        half: How many, the most needed first, make up half of all that single neurons cost.
        strongest: The most needed few, and the loss that the ablation of each adds.
    """

    half: int
    strongest: Mapping[str, float]


@dataclass(frozen=True)
class SequenceAnatomy:
    """What one network on sequences does, and loses when parts are taken away.

    Args:
        name: What it is called.
        network: What it is made of, in words.
        task: What it was trained on.
        n_sequences: Sequences it was asked on, held out of training where data were limited.
        n_questions: Questions in them.
        n_answers: Possible answers.
        loss: Mean loss, nats.
        accuracy: Share of right answers.
        train_accuracy: Likewise on sequences trained on; None for a stream.
        loss_by: By what sorts the questions (position, and each note of the task): class to loss.
        head_scores: By score: head to value.
        composition: By side (Q, K, V): pair of heads to composition.
        random: Composition of random heads of this size; None with one layer.
        judgements: The hypotheses.
        paths: By layers: what the paths through them do; empty where the network is not linear in them.
        costs: By what sorts the questions: part to class to the loss that its ablation adds.
        neurons: By class: the neurons that serve it; empty without single neurons.
        moved: By what twins differ in: part to digit to share of answers that follow; of addition only.
        columns: By which column (its own, the one to the right): head to digit to the attention it gives that
            column; of addition only.
        appearances: Which part appears with which class, and when; empty without checkpoints.
        left_out: What was not read, and why.
    """

    name: str
    network: str
    task: str
    n_sequences: int
    n_questions: int
    n_answers: int
    loss: float
    accuracy: float
    train_accuracy: float | None
    loss_by: Mapping[str, Scores]
    head_scores: Mapping[str, Scores]
    composition: Mapping[str, Scores]
    random: float | None
    judgements: Mapping[str, Judgement]
    paths: Mapping[str, PathReading]
    costs: Mapping[str, Mapping[str, Scores]]
    neurons: Mapping[str, NeuronReading]
    moved: Mapping[str, Mapping[str, Scores]]
    columns: Mapping[str, Mapping[str, Scores]]
    appearances: tuple[Appearance, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the figures need beside the records.

    Args:
        context: The network and what it is asked.
        neurons: Cost of each neuron, if it could be read.
        over: Costs over training, where there are checkpoints.
    """

    context: SequenceContext
    neurons: Effects | None
    over: PartsOverTraining | None
