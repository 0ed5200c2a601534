"""What both hypotheses about a product in a group need to know: irreps carry it, are needed, and suffice."""

import math

from phasescope.circuits.hypothesis import Criterion
from phasescope.circuits.on_circles import number
from phasescope.measures.context import Context
from phasescope.measures.irreps import irrep_shares
from phasescope.measures.record import EMBEDDING_MLP, GROUP, KEY_IRREPS, SUBGROUPS, Need

NOT_CYCLIC = Need(
    "a product in a group other than Z_p (there it is a sum, and the clock is its representation)",
    lambda context: context.inputs.group is not None and context.inputs.p is None,
)

HALF = 0.5
"""Of the functions that neurons see, so many keep to cosets where the coset hypothesis holds."""


def share_on_cosets(context: Context) -> float:
    """Return which part of what neurons see keeps to cosets beyond chance; NaN if nothing can tell.

    Example:
        >>> from phasescope.algebra.subgroups import generated
        >>> from phasescope.models.handmade_groups import coset_network
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a*b in S4", "a b").build()
        >>> network = coset_network(task.group, generated(task.group, ["(0 1)", "(1 2)"]))
        >>> share_on_cosets(Context(network, task, parse_split("all").split(task)))
        1.0
    """
    beyond = context.keeps_to_cosets
    return float(beyond.mean()) if len(beyond) else math.nan


def _written_in_irreps(context: Context) -> float:
    shares = irrep_shares(context.W_L - context.W_L.mean(0), context.inputs.irrep_projections)
    return sum(shares[name] for name in context.key_irreps)


ANSWERS = Criterion(
    name="answers_all_pairs",
    quantity="accuracy over all pairs",
    wants="at least",
    threshold=0.9,
    reason="either is a way to all answers; 10 % is room for a network on its way there",
    when_for="It answers {value:.1%} of all pairs.",
    when_against="It answers only {value:.1%} of all pairs.",
    function=lambda context: number(context, "accuracy"),
    needs=(GROUP,),
    decisive=True,
)

WEIGHTS_IN_IRREPS = Criterion(
    name="weights_in_key_irreps",
    quantity="part of what neurons write on answers, each one's mean taken off, in the key irreps",
    wants="at least",
    threshold=0.9,
    reason="published are 93 to 99 % (chughtai2023); a mean is the same for all answers",
    when_for="The key irreps hold {value:.1%} of what the neurons write.",
    when_against="The key irreps hold only {value:.1%} of what the neurons write.",
    function=_written_in_irreps,
    needs=(GROUP, KEY_IRREPS),
)

IRREPS_SUFFICE = Criterion(
    name="product_irreps_suffice",
    quantity="loss over all pairs, in nats, of the neurons' part in rho(ab) of the key irreps alone",
    wants="at most",
    threshold=0.1,
    reason="published are 2e-7 to 7e-3 for MLPs (chughtai2023); a guess loses ln |G|",
    when_for="With rho(ab) alone left of its neurons it loses {value:.2g} nats.",
    when_against="With rho(ab) alone left of its neurons it loses {value:.2g} nats.",
    function=lambda context: number(context, "irrep_restricted_loss"),
    needs=(GROUP, KEY_IRREPS),
)

IRREPS_ARE_NEEDED = Criterion(
    name="product_irreps_are_needed",
    quantity="train loss, in nats, when rho(ab) of the key irreps is taken out of the neurons",
    wants="at least",
    threshold=lambda context: 0.5 * math.log(context.task.n_elements),
    reason="half of ln |G|, the loss of a guess: a network that has another way to the answers loses less",
    when_for="Without rho(ab) the loss rises to {value:.3g} nats.",
    when_against="Without rho(ab) it still has a train loss of only {value:.3g} nats, so it has another way.",
    function=lambda context: number(context, "irrep_excluded_loss_all_keys"),
    needs=(GROUP, KEY_IRREPS),
    decisive=True,
)

ON_COSETS = (SUBGROUPS, EMBEDDING_MLP)
"""What it takes to look for cosets in neurons."""
