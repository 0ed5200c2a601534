"""What the last layer's heads look at from the answer position."""

from phasescope.measures.context import Context
from phasescope.measures.record import ATTENTION, EQUALS, PLANE, measured
from phasescope.measures.spectrum import FrequencyShare, frequency_share


@measured("FVE of attention", range=(0.0, 1.0), per="head", needs=(ATTENTION, PLANE), in_series=True)
def attention_periodicity(context: Context) -> dict[int, float]:
    """Part of the variance of each head's attention to position 0 that its best frequency holds.

    A head whose pattern is constant has none.
    """
    return dict(enumerate(_to_left_operand(context).share.amax(0).tolist()))


@measured("frequency of attention", per="head", needs=(ATTENTION, PLANE))
def attention_frequency(context: Context) -> dict[int, float]:
    """The frequency that holds most of the variance of each head's attention to position 0."""
    return {head: 1.0 + row for head, row in enumerate(_to_left_operand(context).share.argmax(0).tolist())}


@measured("attention to '='", range=(0.0, 1.0), per="head", needs=(ATTENTION, EQUALS), in_series=True)
def attention_to_equals(context: Context) -> dict[int, float]:
    """Mean attention of each head from '=' to itself."""
    return dict(enumerate(context.pattern[:, :, -1].mean(0).tolist()))


def _to_left_operand(context: Context) -> FrequencyShare:
    return frequency_share(context.pattern[:, :, 0], context.inputs.basis)
