"""How large the weights are."""

from phasescope.measures.context import Context
from phasescope.measures.record import measured


@measured("Σw²", range=(0.0, None), direction="lower", scale="log", in_series=True)
def sum_squared_weights(context: Context) -> float:
    """Sum of squares of every parameter, biases and embeddings included."""
    return sum(sum_squared_weights_per_tensor(context).values())


@measured("Σw² by tensor", range=(0.0, None), direction="lower", scale="log", per="tensor")
def sum_squared_weights_per_tensor(context: Context) -> dict[str, float]:
    """Sum of squares of each parameter tensor, by its name in the state dict."""
    return {name: float(weight.square().sum()) for name, weight in context.weights.items()}
