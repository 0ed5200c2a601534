"""Which irreps the weights hold: the embeddings of both operands, and the map to the answers.

An embedding MLP has one table for each operand, what it adds to every neuron; a transformer has W_E for both.
"""

from jaxtyping import Float64
from torch import Tensor

from phasescope.measures.context import Context
from phasescope.measures.irreps import irrep_shares
from phasescope.measures.record import GROUP, KEY_IRREPS, measured
from phasescope.models.config import EmbeddingMLPConfig
from phasescope.models.embedding_mlp import operand_weights

_CHUGHTAI = ("chughtai2023",)


@measured("W_a in irrep", range=(0.0, 1.0), per="irrep", references=_CHUGHTAI, needs=(GROUP,))
def irrep_share_left(context: Context) -> dict[str, float]:
    """Part of the left operand's table (of a transformer: of W_E) in each irrep's matrix elements."""
    return irrep_shares(_operands(context)[0], context.inputs.irrep_projections)


@measured("W_b in irrep", range=(0.0, 1.0), per="irrep", references=_CHUGHTAI, needs=(GROUP,))
def irrep_share_right(context: Context) -> dict[str, float]:
    """Part of the right operand's table (of a transformer: of W_E) in each irrep's matrix elements."""
    return irrep_shares(_operands(context)[1], context.inputs.irrep_projections)


@measured("W_U in irrep", range=(0.0, 1.0), per="irrep", references=_CHUGHTAI, needs=(GROUP,))
def irrep_share_unembedding(context: Context) -> dict[str, float]:
    """Part of the map from neurons to answers (of a transformer: W_out W_U) in each irrep's elements."""
    return irrep_shares(context.W_L, context.inputs.irrep_projections)


@measured(
    "FVE of W_a",
    range=(0.0, 1.0),
    direction="higher",
    references=_CHUGHTAI,
    needs=(GROUP, KEY_IRREPS),
)
def irrep_variance_explained_left(context: Context) -> float:
    """Part of the left operand's table in all key irreps together."""
    return _in_keys(context, irrep_share_left(context))


@measured(
    "FVE of W_b",
    range=(0.0, 1.0),
    direction="higher",
    references=_CHUGHTAI,
    needs=(GROUP, KEY_IRREPS),
)
def irrep_variance_explained_right(context: Context) -> float:
    """Part of the right operand's table in all key irreps together."""
    return _in_keys(context, irrep_share_right(context))


@measured(
    "FVE of W_U",
    range=(0.0, 1.0),
    direction="higher",
    references=_CHUGHTAI,
    needs=(GROUP, KEY_IRREPS),
)
def irrep_variance_explained_unembedding(context: Context) -> float:
    """Part of the map from neurons to answers in all key irreps together."""
    return _in_keys(context, irrep_share_unembedding(context))


def _operands(context: Context) -> tuple[Float64[Tensor, "g column"], Float64[Tensor, "g column"]]:
    """What the network knows of each operand, as functions on the group."""
    config = context.model.config
    if isinstance(config, EmbeddingMLPConfig):
        return operand_weights(config, context.weights)
    return context.W_E, context.W_E


def _in_keys(context: Context, shares: dict[str, float]) -> float:
    return sum(shares[name] for name in context.key_irreps)
