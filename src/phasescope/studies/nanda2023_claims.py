"""What sections 4 and 5 of nanda2023 claim about the mainline run, as data.

Published values are of the authors' seed 0 at epoch 40,000 unless a claim says otherwise. Every rule was
chosen before the run that it judges: losses within 25 % of the published one (float32 trajectories part after
some 300 steps), boundaries of phases within 15 %, fractions of variance within a few per cent, sets exactly.
Where the paper leaves a definition open, the variant names the one measured here: that which comes closest to
the paper's number. Claims that no variant reproduces keep the same rule and come out as not shown.

A quantity names what supplies the number: ``measure:NAME`` or ``measure:NAME.KEY`` at the last checkpoint,
``ablation:NAME`` the loss over all pairs after an intervention, ``phase:STRETCH`` the step at which a stretch
ends, ``peak:NAME`` the step at which a series is highest.
"""

from typing import Any

from phasescope.evidence.claim import Claim
from phasescope.evidence.rules import Above, Below, Between, Rule, SameSet, Value, Within

KEYS = (14, 35, 41, 42, 52)
TABLE_1 = ((0.932, 0.935), (0.968, 0.965), (0.970, 0.970), (0.964, 0.964), (0.974, 0.982))
"""Fraction of variance of u and v, by key frequency."""

QUARTER, PHASE, FEW_PER_CENT = Within(relative=0.25), Within(relative=0.15), Within(relative=0.03)
NATS: dict[str, Any] = {"unit": "nats", "scale": "log"}
OWN_SEED = {"seed_specific": True}


def _claim(
    id: str, quantity: str, published: Value, rule: Rule, statement: str, **more: Any
) -> dict[str, Any]:
    """Write one row in the order in which it is read."""
    return {
        "id": id,
        "quantity": quantity,
        "published": published,
        "rule": rule,
        "statement": statement,
        **more,
    }


def _section(title: str, *rows: dict[str, Any]) -> tuple[Claim, ...]:
    """Give the rows of one section of the paper their source."""
    return tuple(Claim(source=f"nanda2023 {title}", **row) for row in rows)


# fmt: off
_TASK = _section(
    "section 4: the mainline run",
    _claim("loss", "measure:loss", 2.4122e-7, QUARTER, **NATS,
           statement="The trained network solves the task: loss over all pairs."),
    _claim("near-degeneracy", "algebra:cos_14_8", 0.998, Within(relative=0.001),
           statement="Frequency 14 alone cannot tell answers 8 apart: cos(2π·14·8/113) is nearly 1."),
)

_PERIODICITY = _section(
    "section 4.1: surprising periodicity",
    _claim("key-frequencies", "measure:key_frequencies", KEYS, SameSet(), **OWN_SEED,
           statement="The network computes with five key frequencies.",
           variant="frequencies with 85 % of the variance of at least five neurons"),
    _claim("n-key-frequencies", "measure:n_key_frequencies", 5.0, Between(low=3, high=6),
           statement="A network uses a handful of key frequencies, 3 to 6 over seeds."),
    _claim("embedding-frequencies", "measure:n_key_frequencies_W_E", 6.0, Between(low=6, high=6), **OWN_SEED,
           statement="W_E has six frequencies that are not negligible; the sixth is unexplained.",
           variant="norm above a quarter of the largest"),
    _claim("attention-frequencies", "measure:attention_frequencies", (35, 42, 52), SameSet(), **OWN_SEED,
           statement="Each head attends periodically, and heads share a frequency.",
           variant="set of the heads' best frequencies"),
    *(
        _claim(f"attention-{rank}", f"measure:attention_periodicity.{rank}", share, FEW_PER_CENT, **OWN_SEED,
               statement=f"One frequency explains the attention of the {which} periodic head.",
               variant="fraction of the variance of attention to a")
        for rank, which, share in (("first", "most", 0.9907), ("second", "second most", 0.9903),
                                   ("third", "third most", 0.9849), ("fourth", "least", 0.9791))
    ),
    _claim("attention-to-equals", "measure:attention_to_equals.largest", 0.004, Below(bound=0.005),
           **OWN_SEED, statement="'=' hardly attends to itself: at most 0.4 % in any head."),
    _claim("linear-attention", "ablation:attention_linear", 2.12e-7, QUARTER, **NATS,
           statement="Attention is nearly linear: loss with its sigmoid replaced by a straight line.",
           variant="½ + slope × score difference, slope by least squares, none to '='"),
)

_NEURON_LOGIT_MAP = _section(
    "section 4.2: the neuron to logit map",
    _claim("w-l-residual", "measure:W_L_residual", 0.0055, Below(bound=0.0055),
           statement="Two directions a key frequency make up W_L: the rest is below 0.55 %.",
           variant="part of the squared Frobenius norm"),
    _claim("w-l-rank", "measure:W_L_rank", 10.0, Between(low=8, high=12), **OWN_SEED,
           statement="W_L has a rank of about ten.",
           variant="singular values that hold 99 % of the squared norm"),
    *(
        _claim(f"table-1-{key}-{part}", f"measure:u_v_variance_explained.{key}.{part}", share, FEW_PER_CENT,
               statement=f"What W_L reads along its {part} direction of frequency {key} is {part}(w(a+b)).",
               variant="fraction of variance explained", **OWN_SEED)
        for key, both in zip(KEYS, TABLE_1, strict=True)
        for part, share in zip(("cos", "sin"), both, strict=True)
    ),
    _claim("table-1-smallest", "measure:u_v_coefficients.smallest", 43.6, QUARTER, **OWN_SEED,
           statement="The smallest of the ten coefficients of table 1."),
    _claim("table-1-largest", "measure:u_v_coefficients.largest", 68.0, QUARTER, **OWN_SEED,
           statement="The largest of the ten coefficients of table 1."),
    _claim("logit-fit", "measure:logit_fit_variance_explained", 0.95, Above(bound=0.93),
           statement="The logits are a sum of cos(w(a+b-c)) over the key frequencies.",
           variant="fraction of variance explained, least squares over all pairs and answers"),
    _claim("logit-fit-loss", "ablation:logits_cosine_fit", 4.7e-8, QUARTER, **NATS,
           statement="The network does better with its logits replaced by that sum.",
           variant="least squares, one coefficient a key"),
)

_NEURONS = _section(
    "section 4.3: neurons as sines and cosines",
    _claim("neurons-explained", "measure:neurons_explained", 0.846, Within(relative=0.1),
           statement="Most neurons (433 of 512) have 85 % of their variance at one frequency."),
    *(
        _claim(f"neurons-{key}", f"measure:neuron_clusters.{key}", count, QUARTER, **OWN_SEED,
               statement=f"Neurons that follow frequency {key}.")
        for key, count in zip(KEYS, (44.0, 93.0, 145.0, 87.0, 64.0), strict=True)
    ),
    _claim("neuron-polynomials", "ablation:neurons_polynomial", 2.48e-7, QUARTER, **NATS,
           statement="Polynomials of degree 2 in sines and cosines can stand in for those neurons.",
           variant="each by the nine products of its own frequency"),
)

_ABLATIONS = _section(
    "section 4.4: ablations",
    _claim("restricted-loss", "measure:restricted_loss", 5.54e-8, QUARTER, **NATS,
           statement="Keeping only cos and sin of w(a+b) at the key frequencies lowers the loss by 77 %.",
           variant="logits, two directions a key and each answer's mean"),
    _claim("key-components", "ablation:logits_only_blocks", 7.24e-8, QUARTER, **NATS,
           statement="Keeping the constant and the keys' 40 components lowers it by 70 %.",
           variant="logits, the five 3×3 blocks of the two-dimensional transform"),
    _claim("ten-directions", "ablation:neurons_only_products_no_skip", 1.19e-7, QUARTER, **NATS,
           statement="Keeping only W_L's ten directions in the MLP's output lowers it by 50 %.",
           variant="neurons on the constant and 20 quadratic components, without the residual"),
    _claim("null-space", "ablation:directions_removed", 5.27, QUARTER, **NATS,
           statement="Keeping only what those directions do not read destroys the network."),
    _claim("mlp-skip-zero", "ablation:mlp_skip_zero", 9.12e-7, QUARTER, **NATS,
           statement="The residual path around the MLP matters little: loss with it set to zero."),
    _claim("mlp-skip-mean", "ablation:mlp_skip_mean", 7.25e-7, QUARTER, **NATS,
           statement="The residual path around the MLP matters little: loss with it set to its mean."),
    _claim("attention-zero", "ablation:attention_zero", 24.3, QUARTER, **NATS,
           statement="Without attention the network fails.",
           variant="attention's output set to zero; no variant is known to give the published number"),
    _claim("attention-skip", "ablation:attention_skip_zero", 19.1, QUARTER, **NATS,
           statement="Without the residual path around attention the network fails.",
           variant="no variant is known to give the published number"),
    *(
        _claim(f"ablate-neurons-{key}", f"ablation:neurons_mean_cluster.{key}", loss, QUARTER, **NATS,
               **OWN_SEED, statement=f"Ablating the neurons of frequency {key} multiplies the loss.",
               variant="each neuron set to its mean; published in the authors' notebook")
        for key, loss in zip(KEYS, (2.0e-4, 4.6e-4, 1.9e-3, 5.2e-3, 2.4e-2), strict=True)
    ),
    _claim("excluded-loss", "measure:excluded_loss_all_keys", 6.5, Between(low=6.5, high=11), **NATS,
           statement="Removing all key frequencies destroys the network: 6.5 to 11 over seeds.",
           variant="train loss, logits without all keys at once"),
)

CLEANED_UP = 14_000
"""The step near which the paper's cleanup is over: the claims are about the network from there on."""

_PHASES = _section(
    "section 5: progress measures and phases",
    _claim("memorisation-ends", "phase:memorisation", 1_400.0, PHASE, unit="steps",
           statement="Memorisation ends at epoch 1,400, in all seeds."),
    _claim("circuit-formation-ends", "phase:circuit formation", 9_400.0, PHASE, unit="steps", **OWN_SEED,
           statement="Circuit formation ends and cleanup begins at epoch 9,400."),
    _claim("cleanup-ends", "phase:cleanup", float(CLEANED_UP), PHASE, unit="steps", **OWN_SEED,
           statement="Cleanup ends at epoch 14,000."),
    _claim("weights-peak", "peak:sum_squared_weights", 900.0, Between(low=100, high=1_400), unit="steps",
           statement="The sum of squared weights is largest during memorisation."),
    _claim("weights-settle", "measure:sum_squared_weights", 955.0, PHASE, **OWN_SEED,
           statement="The sum of squared weights settles near 950 (955 falling to 942 at epoch 43,000)."),
)
# fmt: on

MAINLINE: tuple[Claim, ...] = _TASK + _PERIODICITY + _NEURON_LOGIT_MAP + _NEURONS + _ABLATIONS + _PHASES
"""What any run of the mainline's recipe is held against, in the order of the paper."""

OTHER_SEEDS: tuple[Claim, ...] = _section(
    "appendix: other seeds",
    *(
        _claim(
            f"key-frequencies-seed-{seed}",
            "measure:key_frequencies",
            keys,
            SameSet(),
            f"Seed {seed} computes with other key frequencies.",
            seed_specific=True,
            seed=seed,
        )
        for seed, keys in ((1, (2, 9, 19, 31)), (2, (40, 44, 53)), (3, (31, 45, 49, 52)))
    ),
)
"""The key sets of the authors' other seeds, worth printing where those seeds were run."""
