"""The representation: elements become matrices of an irrep and are multiplied; traces name the answer."""

import numpy as np

from phasescope.algebra.group_fourier import power
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
from phasescope.measures.irrep_neurons import irrep_readout
from phasescope.measures.record import EMBEDDING_MLP, GROUP, KEY_IRREPS


def _best_readout(context: Context) -> float:
    readout = irrep_readout(context)
    return max(readout[name] for name in context.key_irreps)


def _of_one_irrep(context: Context) -> float:
    values, alive = context.operand_tables
    living = values[:, alive] - values[:, alive].mean(axis=0)
    powers = power(living, list(context.inputs.irreps.values()))
    return float((np.stack(list(powers.values())).max(axis=0) / np.square(living).sum(axis=0)).mean())


def _above_a_table_entry(context: Context) -> float:
    largest = max(irrep.n_functions for irrep in context.inputs.irreps.values())
    return max(0.7, (1 + largest / (context.task.n_elements - 1)) / 2)


HYPOTHESIS = Hypothesis(
    name="representation",
    statement=(
        "The network turns a and b into matrices of a few irreps, multiplies them, and its logits are "
        "tr rho(a) rho(b) rho(c⁻¹); which matrix elements a neuron sees does not matter."
    ),
    references=("chughtai2023",),
    keys=lambda context: (),
    needs=(NOT_CYCLIC,),
    criteria=(
        ANSWERS,
        Criterion(
            name="neurons_of_one_irrep",
            quantity="mean part of what a neuron sees of an operand that lies in its best irrep",
            wants="at least",
            threshold=_above_a_table_entry,
            reason="0.7 as for frequencies (published are 126 of 128 neurons); in small groups half way "
            "from an entry of a table, which has max d²/(|G|-1), to 1",
            when_for="A neuron's best irrep holds {value:.0%} of what it sees on average.",
            when_against="A neuron's best irrep holds only {value:.0%} of what it sees on average.",
            function=_of_one_irrep,
            needs=(GROUP, EMBEDDING_MLP),
            decisive=True,
        ),
        WEIGHTS_IN_IRREPS,
        IRREPS_SUFFICE,
        IRREPS_ARE_NEEDED,
        Criterion(
            name="matrices_can_be_read_out",
            quantity="part of the matrices rho(ab) that a linear map reads off the neurons, best irrep",
            wants="at least",
            threshold=0.9,
            reason="the product's matrices are what the hypothesis says the neurons hold",
            when_for="A linear map reads {value:.1%} of a key irrep's matrices off the neurons.",
            when_against="A linear map reads only {value:.1%} of any key irrep's matrices off the neurons.",
            function=_best_readout,
            needs=(GROUP, KEY_IRREPS),
        ),
        Criterion(
            name="neurons_see_generic_elements",
            quantity="part of what neurons see that keeps to cosets as random matrix elements do not",
            wants="less than",
            threshold=HALF,
            reason="a matrix element in a basis of no meaning does so once in a hundred",
            when_for="Only {value:.0%} of what the neurons see keeps to cosets beyond chance.",
            when_against="{value:.0%} of what the neurons see keeps to cosets, as generic elements do not.",
            function=share_on_cosets,
            needs=ON_COSETS,
            decisive=True,
        ),
    ),
)
