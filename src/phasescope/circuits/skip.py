"""Changes to the path around the last MLP, from the residual stream straight to the logits."""

from phasescope.circuits.ablation import LINEAR_READOUT, Logits, ablation
from phasescope.circuits.interventions import stand_in
from phasescope.circuits.paths import around_neurons, through_neurons
from phasescope.measures.context import Context
from phasescope.measures.record import Need
from phasescope.models.config import TransformerConfig

RESIDUAL_STREAM = Need(
    "a residual stream around the neurons (a transformer)",
    lambda context: isinstance(context.model.config, TransformerConfig),
)


@ablation("nanda2023 section 4.4: 2.41e-7 to 9.12e-7", needs=(LINEAR_READOUT, RESIDUAL_STREAM))
def mlp_skip_zero(context: Context) -> Logits:
    """Nothing reaches the logits but what the last neurons write."""
    return through_neurons(context)


@ablation("nanda2023 section 4.4: 2.41e-7 to 7.25e-7", needs=(LINEAR_READOUT, RESIDUAL_STREAM))
def mlp_skip_mean(context: Context) -> Logits:
    """What goes around the last neurons is replaced by its mean over all pairs."""
    return through_neurons(context) + around_neurons(context).mean(0)


@ablation("no published number", needs=(LINEAR_READOUT, RESIDUAL_STREAM))
def mlp_skip_resample(context: Context) -> Logits:
    """What goes around the last neurons is replaced by that of another pair, drawn at random (seed 0)."""
    return through_neurons(context) + stand_in(around_neurons(context), "resample")
