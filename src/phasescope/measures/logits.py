"""How much of the logits is what adding on circles gives: Σ_k α_k cos(w_k(a+b-c))."""

from phasescope.algebra.fourier import frequencies
from phasescope.measures.context import Context
from phasescope.measures.cosines import cosine_coefficients
from phasescope.measures.record import KEYS, SUMS, measured


@measured("cosine coefficient at k", per="frequency", needs=(SUMS,), in_series=True)
def logit_cosine_coefficients(context: Context) -> dict[int, float]:
    """Inner product of the logits with the unit cube cos(w_k(a+b-c)), for every frequency."""
    coefficients = cosine_coefficients(context.logits_by_sum, context.inputs.basis)
    return dict(zip(frequencies(context.p), coefficients.tolist(), strict=True))


@measured("cosine similarity at k", range=(-1.0, 1.0), per="frequency", needs=(SUMS,), in_series=True)
def logit_cosine_similarity(context: Context) -> dict[int, float]:
    """Cosine coefficient over the norm of all logits, for every frequency."""
    norm = float(context.logits.norm())
    return {key: value / norm for key, value in logit_cosine_coefficients(context).items()}


@measured("FVE of logits", range=(0.0, 1.0), direction="higher", needs=(SUMS, KEYS), in_series=True)
def logit_variance_explained(context: Context) -> float:
    """Sum over the keys of the squared cosine similarity."""
    similarity = logit_cosine_similarity(context)
    return sum(similarity[key] ** 2 for key in context.keys)


@measured("FVE of logits (fit)", range=(None, 1.0), direction="higher", needs=(SUMS, KEYS))
def logit_fit_variance_explained(context: Context) -> float:
    """Fraction of the logits' variance about their mean that the keys' least-squares fit explains."""
    coefficients = logit_cosine_coefficients(context)
    fitted = sum(coefficients[key] ** 2 for key in context.keys)
    residual = float(context.logits.square().sum()) - fitted
    return 1 - residual / float((context.logits - context.logits.mean()).square().sum())
