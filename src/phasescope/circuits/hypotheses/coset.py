"""The coset: neurons see which coset of a subgroup an operand is in; the answer is where all cosets meet."""

from phasescope.circuits.ablations import ABLATIONS
from phasescope.circuits.hypothesis import Criterion, Hypothesis
from phasescope.circuits.on_irreps import (
    ANSWERS,
    HALF,
    IRREPS_ARE_NEEDED,
    IRREPS_SUFFICE,
    NOT_CYCLIC,
    ON_COSETS,
    WEIGHTS_IN_IRREPS,
    share_on_cosets,
)
from phasescope.measures.context import Context


def _accuracy_after(context: Context, name: str) -> float:
    logits = ABLATIONS[name].logits(context)
    assert not isinstance(logits, dict), "there is one such change"
    return float((logits.argmax(1) == context.inputs.answers).double().mean())


HYPOTHESIS = Hypothesis(
    name="coset",
    statement=(
        "Each neuron sees only which coset of a subgroup a and b lie in, and tells in which coset their "
        "product lies; the answer is the element that all those cosets share."
    ),
    references=("stander2023",),
    keys=lambda context: (),
    needs=(NOT_CYCLIC,),
    criteria=(
        ANSWERS,
        WEIGHTS_IN_IRREPS,
        IRREPS_SUFFICE,
        IRREPS_ARE_NEEDED,
        Criterion(
            name="neurons_see_cosets",
            quantity="part of what neurons see that keeps to cosets as random matrix elements do not",
            wants="at least",
            threshold=HALF,
            reason="most must do so; a random matrix element of the same irreps does once in a hundred",
            when_for="{value:.0%} of what the neurons see keeps to cosets, beyond chance.",
            when_against="Only {value:.0%} of what the neurons see keeps to cosets beyond chance.",
            function=share_on_cosets,
            needs=ON_COSETS,
            decisive=True,
        ),
        Criterion(
            name="members_of_a_coset_can_be_swapped",
            quantity="accuracy after every function is shuffled inside its cosets",
            wants="at least",
            threshold=0.9,
            reason="a neuron that sees the coset alone does not notice; 10 % is room for what is left over",
            when_for="With members of each neuron's cosets shuffled it answers {value:.1%}.",
            when_against="With members of each neuron's cosets shuffled it answers only {value:.1%}.",
            function=lambda context: _accuracy_after(context, "swapped_within_cosets"),
            needs=ON_COSETS,
        ),
        Criterion(
            name="cosets_cannot_be_swapped",
            quantity="accuracy after every function is shuffled over the whole group",
            wants="at most",
            threshold=0.5,
            reason="the control: what can be shuffled at will is not what the answers are made of",
            when_for="With cosets shuffled too it answers {value:.1%}.",
            when_against="With cosets shuffled too it still answers {value:.1%}.",
            function=lambda context: _accuracy_after(context, "swapped_across_cosets"),
            needs=ON_COSETS,
        ),
        Criterion(
            name="other_neurons_are_not_needed",
            quantity="accuracy without the neurons that the published ratio does not call concentrated",
            wants="at least",
            threshold=0.9,
            reason="126 of 128 networks of stander2023 do not change",
            when_for="Without its unconcentrated neurons it answers {value:.1%}.",
            when_against="Without its unconcentrated neurons it answers only {value:.1%}.",
            function=lambda context: _accuracy_after(context, "neurons_off_cosets_zero"),
            needs=ON_COSETS,
        ),
    ),
)
