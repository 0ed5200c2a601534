"""Our transformers as TransformerLens has them: as a state dict with its config, and as a bridge.

Names and shapes are its own already. What it keeps and we do not is added: biases that are zero, the mask
of the attention, positions written out as a table. A part that it lacks cannot be added and is refused.
"""

import json
import math
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from phasescope.errors import PhasescopeError
from phasescope.models.config import TransformerConfig
from phasescope.models.model import Model
from phasescope.models.positions import sinusoidal_positions
from phasescope.models.transformer import Transformer


def lens_config(model: Model) -> dict[str, Any]:
    """Return what TransformerLens needs to know of a network, under the names of its config.

    Args:
        model: A transformer.

    Returns:
        Plain values only: keyword arguments of ``TransformerBridgeConfig``, and of
        ``HookedTransformerConfig`` before version 4.

    Raises:
        PhasescopeError: If the network has a part that TransformerLens lacks.

    Example:
        >>> from phasescope.models.build import build_model
        >>> from phasescope.models.config import Shape
        >>> model = build_model(TransformerConfig(), Shape(d_vocab=114, d_vocab_out=113, n_ctx=3), seed=0)
        >>> lens_config(model)["normalization_type"] is None, lens_config(model)["attention_dir"]
        (True, 'causal')
    """
    config, shape = _known_to_lens(model).config, model.shape
    return {
        "n_layers": config.n_layers,
        "d_model": config.d_model,
        "n_heads": config.n_heads,
        "d_head": config.d_head,
        "d_mlp": config.d_mlp,
        "n_ctx": shape.n_ctx,
        "d_vocab": shape.d_vocab,
        "d_vocab_out": shape.d_vocab_out,
        "act_fn": config.activation,
        "normalization_type": "LN" if config.normalization == "pre" else None,
        "eps": config.normalization_eps,
        "attention_dir": "causal" if config.causal else "bidirectional",
        "positional_embedding_type": "standard",
    }


def lens_state_dict(model: Model) -> dict[str, Tensor]:
    """Return the weights as ``HookedTransformer.state_dict`` gave them, biases and buffers included.

    Version 4 turns such a state dict into its own by ``convert_tl_checkpoint``.

    Args:
        model: A transformer.

    Returns:
        Name to tensor; none shares its memory with the network or with another.

    Raises:
        PhasescopeError: If the network has a part that TransformerLens lacks.

    Example:
        >>> from phasescope.models.build import build_model
        >>> from phasescope.models.config import Shape
        >>> model = build_model(TransformerConfig(), Shape(d_vocab=114, d_vocab_out=113, n_ctx=3), seed=0)
        >>> state = lens_state_dict(model)
        >>> state["blocks.0.attn.W_O"].shape, state["unembed.b_U"].count_nonzero().item()
        (torch.Size([4, 32, 128]), 0)
    """
    transformer = _known_to_lens(model)
    config, shape = transformer.config, transformer.shape
    weights = {name: weight.detach().clone() for name, weight in transformer.named_parameters()}
    like = transformer.W_E
    if config.positions == "sinusoidal":
        weights["pos_embed.W_pos"] = sinusoidal_positions(shape.n_ctx, config.d_model).to(like)
    weights["unembed.W_U"] = transformer.W_U.detach().clone().contiguous()
    weights.setdefault("unembed.b_U", like.new_zeros(shape.d_vocab_out))
    mask = torch.ones(shape.n_ctx, shape.n_ctx, dtype=torch.bool)
    heads = (config.n_heads, config.d_head)
    for layer in range(config.n_layers):
        attn, mlp = f"blocks.{layer}.attn", f"blocks.{layer}.mlp"
        for letter in "QKV":
            weights.setdefault(f"{attn}.b_{letter}", like.new_zeros(heads))
        weights.setdefault(f"{attn}.b_O", like.new_zeros(config.d_model))
        weights.setdefault(f"{mlp}.b_in", like.new_zeros(config.d_mlp))
        weights.setdefault(f"{mlp}.b_out", like.new_zeros(config.d_model))
        weights[f"{attn}.mask"] = mask.tril() if config.causal else mask.clone()
        weights[f"{attn}.IGNORE"] = like.new_tensor(-math.inf)
    return weights


def lens_file(model: Model) -> bytes:
    """Return weights and config as the bytes of a safetensors file, which ``load_checkpoint_file`` reads.

    Args:
        model: A transformer.

    Returns:
        The whole file; the config is JSON under ``config`` in its metadata.

    Raises:
        PhasescopeError: If the network has a part that TransformerLens lacks.

    Example:
        >>> from phasescope.models.build import build_model
        >>> from phasescope.models.config import Shape
        >>> model = build_model(TransformerConfig(), Shape(d_vocab=6, d_vocab_out=5, n_ctx=3), seed=0)
        >>> safetensors.torch.load(lens_file(model))["unembed.W_U"].shape
        torch.Size([128, 5])
    """
    metadata = {"config": json.dumps(lens_config(model))}
    whole: bytes = safetensors.torch.save(lens_state_dict(model), metadata)
    return whole


def lens_bridge(model: Model) -> Any:
    """Return the network as a ``TransformerBridge`` of TransformerLens 4, on the CPU and of the same dtype.

    Args:
        model: A transformer.

    Returns:
        A bridge with weights of its own, whose logits agree with the network's to rounding.

    Raises:
        PhasescopeError: If TransformerLens 4 is not installed, or lacks a part of the network.

    Example:
        >>> from phasescope.models.build import build_model
        >>> from phasescope.models.config import Shape
        >>> shape = Shape(d_vocab=6, d_vocab_out=5, n_ctx=3)
        >>> lens_bridge(build_model(TransformerConfig(softmax_share=0.5), shape, seed=0))
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: TransformerLens has no softmax_share=0.5, needs 1.0
    """
    config = lens_config(model)
    try:
        from transformer_lens.config import TransformerBridgeConfig
        from transformer_lens.conversion_utils import convert_tl_checkpoint
        from transformer_lens.model_bridge import TransformerBridge
    except ImportError as error:
        raise PhasescopeError(
            f"a bridge needs transformer-lens 4 ({error!s:.60}); pip install 'phasescope[lens]'"
        ) from None
    theirs = TransformerBridgeConfig(**config, seed=0, device="cpu")
    bridge = TransformerBridge.boot_native(theirs, dtype=next(model.parameters()).dtype)
    bridge.load_state_dict(convert_tl_checkpoint(lens_state_dict(model), theirs), strict=True)
    return bridge.eval()


def _known_to_lens(model: Model) -> Transformer:
    """Refuse a network with a part that TransformerLens lacks, naming every one."""
    if not isinstance(model, Transformer):
        raise PhasescopeError(f"TransformerLens has transformers only; got {type(model).__name__}")
    config: TransformerConfig = model.config
    if not config.d_mlp:
        raise PhasescopeError("the export to TransformerLens needs a network with an MLP; got d_mlp=0")
    if not config.adds_positions:
        raise PhasescopeError(
            "the export to TransformerLens needs positions that are added to the embedding; "
            f"got positions={config.positions!r}"
        )
    faults = [
        f"{name}={getattr(config, name)!r}, needs {' or '.join(map(repr, known))}"
        for name, known in _KNOWN.items()
        if getattr(config, name) not in known
    ]
    if faults:
        raise PhasescopeError(f"TransformerLens has no {'; no '.join(faults)}")
    return model


_KNOWN: dict[str, tuple[Any, ...]] = {
    "activation": ("relu", "gelu"),
    "normalization": ("none", "pre"),
    "softmax_share": (1.0,),
    "smeared_keys": (False,),
}
