"""Losses and accuracies over the network's full output, exactly as it is trained.

A network that has a logit for '=' is trained with it in the softmax (114 columns for p = 113), so it is in
here too. It changes the loss of an untrained network and nothing later. Restricted and excluded loss, and
every ablation, drop it, as published.
"""

from phasescope.measures.context import Context
from phasescope.measures.record import TEST_ROWS, measured, measured_loss

_REFERENCES = ("power2022", "nanda2023")


@measured_loss("train loss", direction="lower", references=_REFERENCES, in_series=True)
def train_loss(context: Context) -> float:
    """Mean cross-entropy of the pairs trained on, over every output of the network."""
    return float(context.pair_losses[context.inputs.train].mean())


@measured_loss("test loss", direction="lower", references=_REFERENCES, needs=(TEST_ROWS,), in_series=True)
def test_loss(context: Context) -> float:
    """Mean cross-entropy of the pairs held out, over every output of the network."""
    return float(context.pair_losses[context.inputs.test].mean())


@measured_loss("loss", direction="lower", references=_REFERENCES, in_series=True)
def loss(context: Context) -> float:
    """Mean cross-entropy of all pairs, over every output of the network."""
    return float(context.pair_losses.mean())


@measured("train accuracy", range=(0.0, 1.0), direction="higher", references=_REFERENCES, in_series=True)
def train_accuracy(context: Context) -> float:
    """Share of the pairs trained on whose largest output is the answer."""
    return float(context.pair_is_right[context.inputs.train].double().mean())


@measured(
    "test accuracy",
    range=(0.0, 1.0),
    direction="higher",
    references=_REFERENCES,
    needs=(TEST_ROWS,),
    in_series=True,
)
def test_accuracy(context: Context) -> float:
    """Share of the pairs held out whose largest output is the answer."""
    return float(context.pair_is_right[context.inputs.test].double().mean())


@measured("accuracy", range=(0.0, 1.0), direction="higher", references=_REFERENCES, in_series=True)
def accuracy(context: Context) -> float:
    """Share of all pairs whose largest output is the answer."""
    return float(context.pair_is_right.double().mean())
