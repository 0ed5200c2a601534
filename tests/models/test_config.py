"""Configs refuse what makes no network, in one line, and survive JSON."""

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from phasescope.models.config import EmbeddingMLPConfig, ModelConfig, Shape, TransformerConfig, shape_for


def test_the_defaults_are_the_published_mainline():
    config = TransformerConfig()
    assert (config.n_layers, config.d_model, config.n_heads, config.d_head, config.d_mlp) == (
        1,
        128,
        4,
        32,
        512,
    )
    assert (config.activation, config.normalization, config.positions) == ("relu", "none", "learned")
    assert (config.attention_bias, config.mlp_bias, config.unembed_bias) == (False, True, False)
    assert (config.causal, config.tied, config.softmax_share) == (True, False, 1.0)
    assert (config.output, config.init) == ("vocabulary", "nanda2023")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_layers": 0}, "greater than or equal to 1"),
        ({"n_layers": 5}, "less than or equal to 4"),
        ({"d_model": -1}, "greater than or equal to 1"),
        ({"d_model": 10**9}, "less than or equal to 65536"),
        ({"d_model": True}, "valid integer"),
        ({"d_model": "128"}, "valid integer"),
        ({"softmax_share": 1.5}, "less than or equal to 1"),
        ({"softmax_share": float("nan")}, "finite number"),
        ({"init": "chughtai2023"}, "'nanda2023', 'transformer_lens', 'torch' or 'zhong2023'"),
        ({"activation": "tanh"}, "'relu', 'gelu', 'quadratic' or 'absolute'"),
        ({"d_modle": 3}, "Extra inputs"),
        ({"tied": True, "output": "answers"}, "one logit per token"),
        ({"positions": "sinusoidal", "d_model": 7}, "even d_model; got 7"),
        ({"positions": "rotary", "d_head": 7}, "even d_head; got 7"),
    ],
)
def test_a_transformer_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValidationError) as caught:
        TransformerConfig.model_validate(options)
    assert caught.value.error_count() == 1
    assert message in caught.value.errors()[0]["msg"]
    assert "\n" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"init": "nanda2023"}, "'chughtai2023' or 'torch'"),
        ({"combine": "sum"}, "d_embed must equal d_hidden; got 256 and 128"),
        ({"d_hidden": 0}, "greater than or equal to 1"),
    ],
)
def test_an_mlp_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValidationError) as caught:
        EmbeddingMLPConfig.model_validate(options)
    assert message in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("config", [TransformerConfig(n_layers=3, tied=True), EmbeddingMLPConfig(tied=True)])
def test_kind_tells_the_networks_apart_in_json(config):
    assert TypeAdapter(ModelConfig).validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (TransformerConfig(), (114, 114)),
        (TransformerConfig(output="answers"), (114, 113)),
        (EmbeddingMLPConfig(), (113, 113)),
    ],
)
def test_shape_for_counts_tokens_and_logits(config, expected):
    shape = shape_for(config, n_elements=113, d_vocab=114, n_ctx=3)
    assert (shape.d_vocab, shape.d_vocab_out) == expected
    assert Shape.model_validate_json(shape.model_dump_json()) == shape


def test_configs_and_names_come_without_torch():
    code = "import sys, phasescope.models.config, phasescope.models.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
