"""The pizza: residues lie on a circle, and the answer is the slice in which the mean of a and b lies."""

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

_ISOLATED = (SUMS, KEYS, SHARED_EMBEDDING, UNTIED)


def _lead_of_the_pizza(context: Context) -> float:
    """By how much a pizza explains an isolated circle better than a clock, at its worst circle."""
    clock, pizza = q_clock_variance_explained(context), q_pizza_variance_explained(context)
    return min((pizza[k] - clock[k] for k in pizza), default=math.nan)


def _worst_fit(context: Context) -> float:
    return min(q_pizza_variance_explained(context).values(), default=math.nan)


HYPOTHESIS = Hypothesis(
    name="pizza",
    statement=(
        "The network averages the points of a and b on a circle and reads the slice: one circle alone gives "
        "|cos(w_k(a-b)/2)| cos(w_k(a+b-c))."
    ),
    references=("zhong2023",),
    keys=keys_on_circles,
    needs=(RESIDUES,),
    criteria=(
        HAS_KEYS,
        NEURONS_OF_ONE_FREQUENCY,
        KEYS_SUFFICE,
        KEYS_ARE_NEEDED,
        Criterion(
            name="gradients_are_symmetric",
            quantity="gradient symmetricity: cosine between the gradients at the two operands",
            wants="more than",
            threshold=0.98,
            reason="the bound of zhong2023, figure 7",
            when_for="The gradients at a and at b agree (cosine {value:.3f}): only their mean enters.",
            when_against="The gradients at a and at b differ (cosine {value:.3f}): more than a mean enters.",
            function=lambda context: number(context, "gradient_symmetricity"),
            needs=(SUMS, SHARED_EMBEDDING),
            decisive=True,
        ),
        Criterion(
            name="distance_matters",
            quantity="distance irrelevance: how little of the answer's logit depends on a-b",
            wants="less than",
            threshold=0.6,
            reason="the bound of zhong2023, figure 7",
            when_for="The answer's logit depends on the distance of a and b ({value:.3f}).",
            when_against="The answer's logit hardly depends on the distance of a and b ({value:.3f}).",
            function=lambda context: number(context, "distance_irrelevance"),
            needs=(SUMS,),
            decisive=True,
        ),
        Criterion(
            name="isolated_circles_are_pizzas",
            quantity="FVE of Q_pizza less that of Q_clock on an isolated circle, the smallest of all circles",
            wants="more than",
            threshold=0.0,
            reason="the form that explains more is the better one; the two are normalised alike",
            when_for="On each circle alone a pizza explains more than a clock (by {value:.3f} or more).",
            when_against="On a circle alone a clock explains more than a pizza ({value:.3f}).",
            function=_lead_of_the_pizza,
            needs=_ISOLATED,
            decisive=True,
        ),
        Criterion(
            name="isolated_circles_fit",
            quantity="FVE of Q_pizza on an isolated circle, the smallest of all circles",
            wants="at least",
            threshold=0.9,
            reason="published are 99 % (zhong2023); of a bare pizza a clock explains 2 sqrt(8/π²) - 1 = 80 %",
            when_for="On each circle alone a pizza explains {value:.1%} of the logits or more.",
            when_against="On a circle alone a pizza explains only {value:.1%} of the logits.",
            function=_worst_fit,
            needs=_ISOLATED,
        ),
    ),
)
