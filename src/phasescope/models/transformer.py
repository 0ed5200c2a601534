"""The transformer, written as one pure function of its weights.

This is the plain path: every position, every product, nothing precomputed. The fast paths are held
against it. ``transformer_logits`` is the table of contents; below it each function is one part of the
network and takes the config, its ``Part`` (weights and tap under local names) and what flows in.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from phasescope.errors import PhasescopeError
from phasescope.models.activations import activate
from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.hooks import Tap, untapped
from phasescope.models.model import Model
from phasescope.models.positions import rotated, sinusoidal_positions


class Transformer(Model):
    """A transformer of 1 to 4 layers whose parts are options of its config.

    Args:
        config: Which parts, and how wide.
        shape: Vocabulary, outputs and context length.
        parameters: Its weights, in the layout of TransformerLens.

    References:
        nanda2023: Progress measures for grokking via mechanistic interpretability.

    Example:
        >>> from phasescope.models.build import build_model
        >>> model = build_model(TransformerConfig(), Shape(d_vocab=114, d_vocab_out=114, n_ctx=3), seed=0)
        >>> model(torch.tensor([[3, 5, 113]])).shape, model.W_L.shape, model.neurons
        (torch.Size([1, 3, 114]), torch.Size([114, 512]), 'blocks.0.mlp.post')
    """

    config: TransformerConfig

    def __init__(self, config: TransformerConfig, shape: Shape, parameters: Mapping[str, Tensor]) -> None:
        super().__init__(config, shape, parameters)

    def forward(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_vocab_out"]:
        """Return the logits at every position.

        Args:
            tokens: Inputs, ``(batch, pos)`` with ``pos`` equal to ``n_ctx``.

        Returns:
            Logits, ``(batch, pos, d_vocab_out)``.

        Raises:
            PhasescopeError: If the inputs are longer or shorter than ``n_ctx``.
        """
        self.require_length(tokens)
        return transformer_logits(self.config, dict(self.named_parameters()), tokens, self._hooks)

    @property
    def neurons(self) -> str:
        """Name of the last MLP's activations after the non-linearity."""
        self._require_mlp()
        return f"blocks.{self.config.n_layers - 1}.mlp.post"

    @property
    def W_E(self) -> Float[Tensor, "d_vocab d_model"]:
        """Embedding, one row per token."""
        return self._weight("embed.W_E")

    @property
    def W_U(self) -> Float[Tensor, "d_model d_vocab_out"]:
        """Unembedding, one column per logit; the transposed embedding in a tied network."""
        return self.W_E.T if self.config.tied else self._weight("unembed.W_U")

    @property
    def W_L(self) -> Float[Tensor, "d_vocab_out d_mlp"]:
        """Neuron to logit map ``(W_out W_U)^T`` of the last layer; a final layer norm is left out of it."""
        self._require_mlp()
        W_out = self._weight(f"blocks.{self.config.n_layers - 1}.mlp.W_out")
        return (W_out @ self.W_U).T

    def _require_mlp(self) -> None:
        if not self.config.d_mlp:
            raise PhasescopeError("this network has no neurons: it is attention alone (d_mlp=0)")


Place = Float[Tensor, "batch pos d_model"] | None
"""What queries and keys are told of where they stand, beside the residual stream; mostly nothing."""


@dataclass(frozen=True)
class Part:
    """A part of a network as its formulas see it: weights and activations under their local names.

    Example:
        >>> attn = Part({"blocks.0.attn.W_Q": torch.ones(4, 8, 2)}, untapped).within("blocks.0.attn")
        >>> attn["W_Q"].shape
        torch.Size([4, 8, 2])
    """

    parameters: Mapping[str, Tensor]
    tap: Tap
    prefix: str = ""

    def within(self, name: str) -> "Part":
        """Return the part called ``name`` inside this one."""
        return Part(self.parameters, self.tap, f"{self.prefix}{name}.")

    def __getitem__(self, name: str) -> Tensor:
        """Return the weight called ``name`` here."""
        return self.parameters[self.prefix + name]

    def passing(self, name: str, value: Tensor) -> Tensor:
        """Let the activation called ``name`` here pass through the tap."""
        return self.tap(self.prefix + name, value)


def transformer_logits(
    config: TransformerConfig,
    parameters: Mapping[str, Tensor],
    tokens: Int[Tensor, "batch pos"],
    tap: Tap = untapped,
) -> Float[Tensor, "batch pos d_vocab_out"]:
    """Return the logits at every position, as a pure function of the weights.

    Args:
        config: Which parts the network has.
        parameters: Its weights, named as ``parameter_shapes`` names them.
        tokens: Inputs, ``(batch, pos)``.
        tap: Sees every activation by name and may replace it.

    Returns:
        Logits, ``(batch, pos, d_vocab_out)``.
    """
    network = Part(parameters, tap)
    residual, place = embed(config, network, tokens)
    for layer in range(config.n_layers):
        residual = block(config, network.within(f"blocks.{layer}"), residual, place)
    if config.normalization == "pre":
        residual = layer_norm(config, network.within("ln_final"), residual)
    return network.passing("logits", unembed(config, network, residual))


def embed(
    config: TransformerConfig, network: Part, tokens: Int[Tensor, "batch pos"]
) -> tuple[Float[Tensor, "batch pos d_model"], Place]:
    """Return each token's row of W_E with the row of where it stands added, and what heads are told of that.

    Positions are added once; or they are told to queries and keys of every layer (shortformer), and the
    residual stream holds none; or there is no such row (rotary).
    """
    embedded = network.passing("embed", torch.nn.functional.embedding(tokens, network["embed.W_E"]))
    if config.positions == "rotary":
        return embedded, None
    rows = position_rows(config, network, tokens.shape[1]).expand_as(embedded)
    place = network.passing("pos_embed", rows)
    return (embedded + place, None) if config.adds_positions else (embedded, place)


def position_rows(config: TransformerConfig, network: Part, n_ctx: int) -> Float[Tensor, "pos d_model"]:
    """Return the row of each position, learned or fixed."""
    if config.has_learned_positions:
        return network["pos_embed.W_pos"]
    return sinusoidal_positions(n_ctx, config.d_model).to(network["embed.W_E"])


def block(
    config: TransformerConfig, part: Part, residual: Float[Tensor, "batch pos d_model"], place: Place
) -> Float[Tensor, "batch pos d_model"]:
    """Add attention, then any MLP, to the residual stream, with layer norm before, after or not at all."""

    def norm(when: str, name: str, value: Tensor) -> Tensor:
        return layer_norm(config, part.within(name), value) if config.normalization == when else value

    residual = part.passing("resid_pre", residual)
    attn_out = attention(config, part.within("attn"), norm("pre", "ln1", residual), place)
    residual = norm("post", "ln1", residual + part.passing("attn_out", attn_out))
    if not config.d_mlp:
        return part.passing("resid_post", residual)
    residual = part.passing("resid_mid", residual)
    mlp_out = mlp(config, part.within("mlp"), norm("pre", "ln2", residual))
    residual = norm("post", "ln2", residual + part.passing("mlp_out", mlp_out))
    return part.passing("resid_post", residual)


def attention(
    config: TransformerConfig, attn: Part, x: Float[Tensor, "batch pos d_model"], place: Place
) -> Float[Tensor, "batch pos d_model"]:
    """Let every head read from where its scores point; the pattern is (batch, head, query, key)."""
    at = x if place is None else x + place
    q, k, v = _project(config, attn, "q", at), _project(config, attn, "k", at), _project(config, attn, "v", x)
    if config.positions == "rotary":
        q, k = attn.passing("rot_q", rotated(q)), attn.passing("rot_k", rotated(k))
    visible = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device)
    if config.causal:
        visible = visible.tril()
    # the authors put -1e10 where we put -inf: the softmax is the same to the last bit
    scores = torch.einsum("bqhe,bkhe->bhqk", q, k) / math.sqrt(config.d_head)
    scores = attn.passing("scores", scores.masked_fill(~visible, -math.inf))
    pattern, share = scores.softmax(dim=-1), config.softmax_share
    if share < 1:
        pattern = share * pattern + (1 - share) * visible.to(x)
    pattern = attn.passing("pattern", pattern)
    z = attn.passing("z", torch.einsum("bhqk,bkhe->bqhe", pattern, v))
    return _with_bias(config.attention_bias, attn, "b_O", torch.einsum("bqhe,hed->bqd", z, attn["W_O"]))


def _project(
    config: TransformerConfig, attn: Part, name: str, x: Float[Tensor, "batch pos d_model"]
) -> Float[Tensor, "batch pos head d_head"]:
    """Queries, keys or values of every head."""
    projected = torch.einsum("bpd,hde->bphe", x, attn[f"W_{name.upper()}"])
    projected = _with_bias(config.attention_bias, attn, f"b_{name.upper()}", projected)
    if name == "k" and config.smeared_keys:
        projected = _smeared(projected, attn["smear"])
    return attn.passing(name, projected)


def _smeared(
    keys: Float[Tensor, "batch pos head d_head"], smear: Float[Tensor, " head"]
) -> Float[Tensor, "batch pos head d_head"]:
    """Mix each key, ``sigmoid(smear)`` of it, with the one before; before the first there is nothing."""
    own = smear.sigmoid()[:, None]
    before = torch.nn.functional.pad(keys, (0, 0, 0, 0, 1, 0))[:, :-1]
    return own * keys + (1 - own) * before


def mlp(
    config: TransformerConfig, part: Part, x: Float[Tensor, "*rows d_model"]
) -> Float[Tensor, "*rows d_model"]:
    """Pass each row through one hidden layer."""
    pre = part.passing("pre", _with_bias(config.mlp_bias, part, "b_in", x @ part["W_in"]))
    post = part.passing("post", activate(config.activation, pre))
    return _with_bias(config.mlp_bias, part, "b_out", post @ part["W_out"])


def layer_norm(
    config: TransformerConfig, norm: Part, x: Float[Tensor, "*rows d_model"]
) -> Float[Tensor, "*rows d_model"]:
    """Bring each row to mean 0 and variance 1, then scale and shift it as learned."""
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = (centred * centred).mean(dim=-1, keepdim=True)
    scale = norm.passing("scale", (variance + config.normalization_eps).sqrt())
    return norm.passing("normalized", centred / scale) * norm["w"] + norm["b"]


def unembed(
    config: TransformerConfig, network: Part, residual: Float[Tensor, "*rows d_model"]
) -> Float[Tensor, "*rows d_vocab_out"]:
    """Read the logits off the residual stream."""
    logits = residual @ unembedding(config, network)
    return _with_bias(config.unembed_bias, network, "unembed.b_U", logits)


def unembedding(config: TransformerConfig, network: Part) -> Float[Tensor, "d_model d_vocab_out"]:
    """Return W_U, which a tied network shares with its embedding."""
    return network["embed.W_E"].T if config.tied else network["unembed.W_U"]


def _with_bias(present: bool, part: Part, name: str, value: Tensor) -> Tensor:
    """Add a bias that the network may not have."""
    return value + part[name] if present else value
