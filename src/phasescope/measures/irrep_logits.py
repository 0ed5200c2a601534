"""Which irreps the logits follow: their similarity to the characters tr rho(a) rho(b) rho(c⁻¹)."""

from phasescope.measures.context import Context
from phasescope.measures.record import GROUP, KEY_IRREPS, measured

_CHUGHTAI = ("chughtai2023",)


@measured("character coefficient of irrep", per="irrep", references=_CHUGHTAI, needs=(GROUP,))
def irrep_logit_coefficients(context: Context) -> dict[str, float]:
    """Inner product of the logits with the unit cube of each irrep's character of a b c⁻¹.

    On C_n these are ``logit_cosine_coefficients``.
    """
    return context.character_coefficients


@measured("logit similarity of irrep", range=(-1.0, 1.0), per="irrep", references=_CHUGHTAI, needs=(GROUP,))
def irrep_logit_similarity(context: Context) -> dict[str, float]:
    """Cosine between the logits, their mean over everything taken off, and each irrep's character of a b c⁻¹.

    The cyclic ``logit_cosine_similarity`` differs in the mean, which it leaves in.
    """
    norm = float((context.logits - context.logits.mean()).norm()) or 1.0
    return {name: value / norm for name, value in context.character_coefficients.items()}


@measured("key irreps", per="set", references=_CHUGHTAI, needs=(GROUP,))
def key_irreps(context: Context) -> list[str]:
    """Irreps whose logit similarity is above 0.005."""
    return list(context.key_irreps)


@measured(
    "logits explained by irreps",
    range=(0.0, 1.0),
    direction="higher",
    references=_CHUGHTAI,
    needs=(GROUP, KEY_IRREPS),
)
def irrep_logits_explained(context: Context) -> float:
    """Sum over the key irreps of the squared logit similarity: the part of the logits they make up."""
    similarity = irrep_logit_similarity(context)
    return sum(similarity[name] ** 2 for name in context.key_irreps)
