"""What chughtai2023 and stander2023 say of networks that multiply in a group, as data.

Table 1 of chughtai2023 holds averages over four seeds. Every rule was chosen before the runs: parts of the
weights within 5 %, of the neurons within 10 %, the small part of them in rho(ab) within 25 %, excluded loss
within 50 %, the losses that training drives towards nothing within a factor of ten.

A quantity names the network and what supplies the number: ``mlp:S5:measure:NAME[.KEY]`` at the end,
``mlp:S5:accuracy:ABLATION`` over all pairs after an intervention, ``mlp:S5:order:IRREP`` the place
in which an irrep was learnt, ``mlp:S5:shown:HYPOTHESIS`` 1 if the verdict is shown and 0 otherwise.
"""

from typing import Any, Literal

from phasescope.evidence.claim import Claim
from phasescope.evidence.rules import Above, Below, Between, Rule, Within

Architecture = Literal["mlp", "transformer"]
ARCHITECTURES: tuple[Architecture, ...] = ("mlp", "transformer")

WEIGHTS, NEURONS, PRODUCT, EXCLUDED = (Within(relative=part) for part in (0.05, 0.10, 0.25, 0.5))

_MLP = ("W_a", "W_b", "W_U", "neurons", "rho(ab)", "test", "excluded", "restricted")
_TRANSFORMER = ("W_E", "W_U", "neurons", "rho(ab)", "test", "excluded", "restricted")

# fmt: off
_TABLE: dict[tuple[Architecture, str], tuple[float, ...]] = {
    ("mlp", "A5"): (.9904, .9931, .9327, .8669, .1026, 1.94e-5, 9.82, 5.28e-7),
    ("mlp", "C113"): (.9953, .9939, .9805, .9025, .1203, 1.63e-5, 5.95, 6.88e-3),
    ("mlp", "C118"): (.9975, .9974, .9843, .9584, .1326, 5.39e-6, 8.72, 3.60e-3),
    ("mlp", "D59"): (.9971, .9973, .9852, .8768, .1244, 6.34e-6, 12.37, 1.60e-6),
    ("mlp", "D61"): (.9926, .9945, .9826, .8761, .1248, 1.79e-5, 12.00, 1.69e-6),
    ("mlp", "S5"): (1.0, .9999, .9414, .8891, .1213, 1.02e-5, 11.72, 2.21e-7),
    ("mlp", "S6"): (.9965, .9978, .9367, .8638, .0898, 4.95e-5, 12.17, 2.66e-6),
    ("transformer", "A5"): (.9753, .9740, .8356, .0822, 4.88e-2, 19.76, 7.70e-4),
    ("transformer", "C113"): (.9518, .9952, .9212, .1677, 2.67e-7, 9.42, 2.12e-2),
    ("transformer", "C118"): (.9405, .9964, .9463, .1711, 1.73e-7, 15.93, .255),
    ("transformer", "D59"): (.9858, .9853, .8501, .1085, 3.20e-6, 46.42, 2.82e-5),
    ("transformer", "D61"): (.9833, .9740, .8559, .1111, 1.63e-2, 41.64, 9.60e-2),
    ("transformer", "S5"): (.9984, .9997, .8528, .1023, 1.43e-7, 17.77, 4.44e-9),
    ("transformer", "S6"): (.9994, .9993, .8632, .0935, 2.21e-6, 291.67, 1.05e-6),
}
"""Averages over four seeds: parts of variance, and losses in nats, in the order of the columns above."""

_COLUMNS: dict[str, tuple[str, str]] = {
    "W_a": ("irrep_variance_explained_left", "The key irreps hold the left embedding."),
    "W_b": ("irrep_variance_explained_right", "The key irreps hold the right embedding."),
    "W_E": ("irrep_variance_explained_left", "The key irreps hold the embedding."),
    "W_U": ("irrep_variance_explained_unembedding", "The key irreps hold the map from neurons to answers."),
    "neurons": ("irrep_variance_explained_neurons", "rho(a), rho(b) and rho(ab) make up the neurons."),
    "rho(ab)": ("irrep_variance_explained_neurons_product", "A small part of the neurons is rho(ab)."),
    "test": ("test_loss", "The network generalises: its test loss."),
    "excluded": ("irrep_excluded_loss_all_keys", "Without rho(ab) the network is lost."),
    "restricted": ("irrep_restricted_loss", "With rho(ab) alone it does well."),
}
# fmt: on

GROUPS = ("C113", "D59", "S5")
"""What is reproduced unless other groups are asked for."""

KNOWN_GROUPS = tuple(dict.fromkeys(group for _, group in _TABLE))
"""Groups that the paper has numbers for."""


def claims_of(architecture: Architecture, group: str) -> tuple[Claim, ...]:
    """Return what is claimed of one group and architecture.

    Args:
        architecture: "mlp" or "transformer".
        group: One of ``KNOWN_GROUPS``.

    Returns:
        The row of the table, and for the MLP on S5 the findings of both papers about that network.

    Example:
        >>> [claim.published for claim in claims_of("transformer", "S5")][:2]
        [0.9984, 0.9997]
    """
    columns = _MLP if architecture == "mlp" else _TRANSFORMER
    rows = zip(columns, _TABLE[architecture, group], strict=True)
    table = tuple(_of_table(architecture, group, column, value) for column, value in rows)
    return table + (_S5_MLP if (architecture, group) == ("mlp", "S5") else ())


def _of_table(architecture: Architecture, group: str, column: str, published: float) -> Claim:
    measure, statement = _COLUMNS[column]
    rule: Rule = {"neurons": NEURONS, "rho(ab)": PRODUCT, "excluded": EXCLUDED}.get(column, WEIGHTS)
    more: dict[str, Any] = {}
    if column in ("test", "restricted"):
        rule = Between(low=published / 10, high=published * 10)
    if column in ("test", "restricted", "excluded"):
        more = {"unit": "nats", "scale": "log"}
    if column in ("excluded", "restricted"):
        more["variant"] = "on neurons, W_L alone; not the losses of nanda2023"
    return Claim(
        id=f"{architecture}-{group}-{column.replace('(', '-').replace(')', '')}".lower(),
        statement=statement,
        source=f"chughtai2023 table 1: {group}, {architecture}",
        quantity=f"{architecture}:{group}:measure:{measure}",
        published=published,
        rule=rule,
        **more,
    )


def _on_s5(source: str, id: str, quantity: str, published: float, rule: Rule, statement: str) -> Claim:
    return Claim(
        id=f"mlp-s5-{id}", statement=statement, source=source, quantity=f"mlp:S5:{quantity}",
        published=published, rule=rule,
    )  # fmt: skip


_CHUGHTAI, _STANDER = "chughtai2023 section 5: S5, MLP", "stander2023 sections 4 and 5: S5, MLP"

# fmt: off
_S5_MLP = (
    _on_s5(_CHUGHTAI, "logits", "measure:irrep_logits_explained", 0.848, Within(relative=0.1),
           "Characters of the key irreps make up the logits."),
    _on_s5(_CHUGHTAI, "sign-first", "order:sign", 1.0, Between(low=1, high=1),
           "The sign representation is learnt first."),
    _on_s5(_CHUGHTAI, "six-never", "measure:irrep_logit_similarity.(3,1,1)", 0.0, Below(bound=0.005),
           "The six-dimensional representation is never learnt."),
    _on_s5(_CHUGHTAI, "sign-read-out", "measure:irrep_readout.sign", 1.0, Above(bound=0.99),
           "The sign of the product can be read off the neurons."),
    _on_s5(_CHUGHTAI, "representation", "shown:representation", 1.0, Above(bound=0.5),
           "The network multiplies matrices, whichever of their elements a neuron sees."),
    _on_s5(_STANDER, "concentrated", "measure:coset_concentrated_share_as_coded", 0.992, Above(bound=0.9),
           "Nearly all neurons are concentrated on cosets, by the published ratio."),
    _on_s5(_STANDER, "others-not-needed", "accuracy:neurons_off_cosets_zero", 1.0, Above(bound=0.95),
           "The other neurons are not needed (126 of 128 networks)."),
    _on_s5(_STANDER, "left-sign", "accuracy:left_sign_flipped", 0.0, Below(bound=0.05),
           "Flipping the sign of one embedding leaves nothing."),
    _on_s5(_STANDER, "absolute", "accuracy:neurons_absolute", 1.0, Above(bound=0.95),
           "|x| in place of the non-linearity changes no answer."),
    _on_s5(_STANDER, "cosets", "shown:coset", 1.0, Above(bound=0.5),
           "Neurons see cosets, beyond what random matrix elements of the same irreps would."),
)
# fmt: on
