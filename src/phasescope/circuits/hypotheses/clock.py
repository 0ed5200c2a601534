"""The clock: residues become angles, waves of a and b are multiplied, and the answer is where they add up."""

import math

from phasescope.circuits.hypothesis import Criterion, Hypothesis
from phasescope.circuits.on_circles import (
    HAS_KEYS,
    KEYS_ARE_NEEDED,
    KEYS_SUFFICE,
    NEURONS_OF_ONE_FREQUENCY,
    keys_on_circles,
    number,
)
from phasescope.measures.circles import q_clock_variance_explained, q_pizza_variance_explained
from phasescope.measures.context import Context
from phasescope.measures.record import KEYS, RESIDUES, SHARED_EMBEDDING, SUMS, UNTIED


def _lead_of_the_clock(context: Context) -> float:
    """By how much a clock explains an isolated circle better than a pizza, at its worst circle."""
    clock, pizza = q_clock_variance_explained(context), q_pizza_variance_explained(context)
    return min((clock[k] - pizza[k] for k in clock), default=math.nan)


HYPOTHESIS = Hypothesis(
    name="clock",
    statement=(
        "The network adds on circles: it multiplies waves of a by waves of b, and its logits are "
        "Σ A_k cos(w_k(a+b-c)) over a few key frequencies k."
    ),
    references=("nanda2023", "zhong2023", "gromov2023"),
    keys=keys_on_circles,
    needs=(RESIDUES,),
    criteria=(
        HAS_KEYS,
        NEURONS_OF_ONE_FREQUENCY,
        Criterion(
            name="logits_are_cosines",
            quantity="part of the logits' variance that Σ α_k cos(w_k(a+b-c)) explains",
            wants="at least",
            threshold=0.9,
            reason="published are 95 % (nanda2023); a bare pizza reaches 8/π² = 81 %",
            when_for="Cosines of w_k(a+b-c) explain {value:.1%} of the logits.",
            when_against="Cosines of w_k(a+b-c) explain only {value:.1%} of the logits.",
            function=lambda context: number(context, "logit_fit_variance_explained"),
            needs=(SUMS, KEYS),
            decisive=True,
        ),
        KEYS_SUFFICE,
        KEYS_ARE_NEEDED,
        Criterion(
            name="operands_have_their_own_gradients",
            quantity="gradient symmetricity: cosine between the gradients at the two operands",
            wants="at most",
            threshold=0.98,
            reason="above 0.98 zhong2023 calls a network a pizza; a clock of one key has about 0",
            when_for="The gradients at a and at b differ (cosine {value:.3f}), as products make them.",
            when_against="The gradients at a and at b agree (cosine {value:.3f}): only their mean enters.",
            function=lambda context: number(context, "gradient_symmetricity"),
            needs=(SUMS, SHARED_EMBEDDING),
            decisive=True,
        ),
        Criterion(
            name="distance_does_not_matter",
            quantity="distance irrelevance: how little of the answer's logit depends on a-b",
            wants="at least",
            threshold=0.6,
            reason="below 0.6 zhong2023 calls a network a pizza; a perfect clock has 1",
            when_for="The answer's logit hardly depends on the distance of a and b ({value:.3f}).",
            when_against="The answer's logit depends on the distance of a and b ({value:.3f}).",
            function=lambda context: number(context, "distance_irrelevance"),
            needs=(SUMS,),
        ),
        Criterion(
            name="isolated_circles_are_clocks",
            quantity="FVE of Q_clock less that of Q_pizza on an isolated circle, the smallest of all circles",
            wants="more than",
            threshold=0.0,
            reason="the form that explains more is the better one; the two are normalised alike",
            when_for="On each circle alone a clock explains more than a pizza (by {value:.3f} or more).",
            when_against="On a circle alone a pizza explains more than a clock ({value:.3f}).",
            function=_lead_of_the_clock,
            needs=(SUMS, KEYS, SHARED_EMBEDDING, UNTIED),
        ),
    ),
)
