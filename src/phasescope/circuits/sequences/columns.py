"""Which column of a sum every head looks at, where each digit of the answer is asked."""

import numpy as np
from jaxtyping import Float64

from phasescope.circuits.sequences.context import SequenceContext
from phasescope.tasks.addition import AdditionTask


def column_attention(
    context: SequenceContext, task: AdditionTask
) -> Float64[np.ndarray, "layer head digit column"]:
    """Return the mean attention to each column, both its digits together, from where each digit is asked.

    Args:
        context: A network on addition and the sums it is asked.
        task: How many digits they have.

    Returns:
        A share by layer, head, digit of the answer (0 the leading one) and column (0 the leftmost). Digit d
        has column d - 1 for its own; to its right, where its carry comes from, is column d.

    Example:
        >>> from phasescope.models.handmade_heads import digit_adder
        >>> task = AdditionTask(digits=1)
        >>> context = SequenceContext(digit_adder(), task.build().draw(np.random.default_rng(0), 9))
        >>> column_attention(context, task)[0, :, 1, 0].tolist()
        [1.0, 1.0]
    """
    digits = task.digits
    config = context.model.config
    asked = 2 * digits + 1 + np.arange(digits + 1)
    patterns = np.stack(
        [context.cache[f"blocks.{layer}.attn.pattern"].mean(0).numpy() for layer in range(config.n_layers)]
    )
    rows = patterns[:, :, asked]
    return np.asarray(rows[..., :digits] + rows[..., digits + 1 : 2 * digits + 1])
