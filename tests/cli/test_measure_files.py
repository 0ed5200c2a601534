"""``phasescope measure`` takes a file of every layout, and gives the same numbers for the same network."""

import json
import math

import pytest
import safetensors.torch
import torch

from phasescope.models.build import build_model
from phasescope.models.checkpoint_file import model_metadata
from phasescope.models.config import EmbeddingMLPConfig, Shape, TransformerConfig
from phasescope.store.sealed import Snapshot, seal

SIZES = {"d_model": 8, "n_heads": 2, "d_head": 3, "d_mlp": 16}
TURNED = ("W_E", "W_K", "W_Q", "W_V", "W_in", "W_out")


class Config:
    """Pickles as an object of a class that the reader need not have."""

    def __init__(self, **facts):
        self.__dict__.update(facts)


def network(**options):
    config = TransformerConfig(**SIZES, **options)
    d_vocab = 7 if not config.causal else 8
    d_vocab_out = d_vocab if config.output == "vocabulary" else 7
    model = build_model(config, Shape(d_vocab=d_vocab, d_vocab_out=d_vocab_out, n_ctx=d_vocab - 5), seed=3)
    if config.mlp_bias:
        with torch.no_grad():
            model.get_parameter("blocks.0.mlp.b_in").add_(0.1)
    return model


def authors(model):
    state = {}
    for name, value in model.state_dict().items():
        leaf = name.split(".")[-1]
        state[name] = torch.cat(list(value)).T if leaf == "W_O" else value.mT if leaf in TURNED else value
    return state


def lens(model):
    """As HookedTransformer saved its weights: zero biases and two buffers beside them."""
    zeros = {"b_Q": (2, 3), "b_K": (2, 3), "b_V": (2, 3), "b_O": (8,)}
    state = {f"blocks.0.attn.{name}": torch.zeros(size) for name, size in zeros.items()}
    state |= {
        "blocks.0.attn.mask": torch.ones(3, 3).tril().bool(),
        "blocks.0.attn.IGNORE": torch.tensor(-1e5),
    }
    return {**model.state_dict(), **state, "unembed.b_U": torch.zeros(model.shape.d_vocab_out)}


def bridge(model):
    """As TransformerBridge keeps them since version 4."""
    state = {}
    for name, value in model.state_dict().items():
        *path, leaf = name.split(".")
        kind, _, which = leaf.partition("_")
        part = which.lower() if which.lower() in ("q", "k", "v", "o", "in", "out") else ""
        long = ".".join([*path, *([part] if part else []), "weight" if kind == "W" else "bias"])
        if which in ("Q", "K", "V"):
            value = value.mT.flatten(0, 1)
        elif which == "O":
            value = value.flatten(0, 1).T
        elif which in ("in", "out", "U") and kind == "W":
            value = value.T
        state[long] = value.contiguous()
    return state


def sealed(model):
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    return seal(Snapshot("checkpoint", 20, tensors, model_metadata(model.config, model.shape)))


def nanda(folder):
    model = network()
    torch.save({"model": authors(model), "config": Config(use_ln=False, act_type="ReLU")}, folder / "a.pth")
    return model, folder / "a.pth"


def chughtai(folder):
    model = network(mlp_bias=False, output="answers")
    state = {**lens(model), "x_embed": model.W_E, "y_embed": model.W_E[:-1]}
    torch.save(state, folder / "model.pt")
    return model, folder / "model.pt"


def chughtai_mlp(folder):
    shape = Shape(d_vocab=7, d_vocab_out=7, n_ctx=2)
    model = build_model(EmbeddingMLPConfig(d_embed=6, d_hidden=5), shape, seed=3)
    torch.save(model.state_dict(), folder / "model.pt")
    return model, folder / "model.pt"


def zhong(folder):
    model = network(causal=False, softmax_share=0.25)
    torch.save(authors(model), folder / "model_abc.pt")
    (folder / "config_abc.json").write_text(json.dumps({"attn_coeff": 0.25, "act_fn": "ReLU", "C": 7}))
    return model, folder / "model_abc.pt"


def demo(folder):
    model = network(mlp_bias=False, output="answers", activation="gelu")
    config = Config(act_fn="gelu", n_heads=2, d_head=3, attn_scale=math.sqrt(3), normalization_type=None)
    torch.save({"model": lens(model), "config": config, "checkpoints": [lens(model)]}, folder / "demo.pth")
    return model, folder / "demo.pth"


def version_4(folder):
    model = network(mlp_bias=True, attention_bias=False, output="answers")
    torch.save({"model": bridge(model), "config": {"n_heads": 2, "act_fn": "relu"}}, folder / "four.pt")
    return model, folder / "four.pt"


def whole_module(folder):
    model = network()
    torch.save(model, folder / "whole.pt")
    return model, folder / "whole.pt"


def plain(folder):
    model = network()
    safetensors.torch.save_file(model.state_dict(), folder / "plain.safetensors")
    return model, folder / "plain.safetensors"


def ours(folder):
    model = network(activation="quadratic")
    (folder / "000000020.safetensors").write_bytes(sealed(model))
    return model, folder / "000000020.safetensors"


CASES = {
    "nanda2023": (nanda, "nanda2023", "config: tests.cli.test_measure_files.Config"),
    "chughtai2023": (chughtai, "chughtai2023", None),
    "chughtai2023 mlp": (chughtai_mlp, "chughtai2023", None),
    "zhong2023": (zhong, "zhong2023", None),
    "transformer_lens demo": (demo, "transformer_lens", "config: tests.cli.test_measure_files.Config"),
    "transformer_lens 4": (version_4, "transformer_lens", None),
    "a whole module": (whole_module, "transformer_lens", "phasescope.models.transformer.Transformer"),
    "safetensors": (plain, "transformer_lens", None),
    "ours": (ours, "phasescope, step 20", None),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_file_of_every_layout_is_measured_and_says_what_it_left_out(cli, tmp_path, case):
    make, source, left_out = CASES[case]
    model, path = make(tmp_path)
    words = ["measure", path, "--task", "a+b mod 7", "--split", "nanda2023:0:0.5"]
    answer = cli(*words)
    assert answer.status == 0, answer.err
    assert f"({source})" in answer.out
    if left_out is None:
        assert answer.err == ""
    else:
        assert answer.err.count("\n") == 1
        assert answer.err.startswith(f"note: {path.name} holds more than weights; not made: ")
        assert left_out in answer.err
    (tmp_path / "same.safetensors").write_bytes(sealed(model))
    answers = (
        cli("measure", file, *words[2:], "--names", "test_loss,gini_W_E,W_L_rank", "--json", "-")
        for file in (path, tmp_path / "same.safetensors")
    )
    theirs, same = (json.loads(answer.out) for answer in answers)
    assert theirs == same
    assert theirs["test_loss"] > 0


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        ({"embed.W_E": torch.ones(8, 7)}, 2, "weights do not fit: missing pos_embed.W_pos"),
        (Config(), 4, "needs a state dict"),
        ({"model": {}, "config": {"act_fn": "relu"}}, 2, "needs a state dict"),
    ],
)
def test_a_file_without_a_network_is_refused_in_one_line(cli, tmp_path, content, status, message):
    torch.save(content, tmp_path / "bad.pt")
    answer = cli("measure", tmp_path / "bad.pt", "--task", "a+b mod 7", "--split", "all")
    assert answer.status == status
    assert message in answer.err
    assert answer.err.count("\n") == 1
    assert answer.out == ""


@pytest.mark.parametrize("command", ["measure", "explain"])
@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("empty.pt", "", "empty.pt is empty; a checkpoint file holds weights"),
        ("empty.safetensors", "", "empty.safetensors is empty; a checkpoint file holds weights"),
        ("small.toml", "steps = 3", "small.toml is no checkpoint and no run; "),
        ("page.html", "", "page.html is no checkpoint and no run; "),
    ],
)
def test_what_is_no_checkpoint_is_told_so_before_it_is_asked_for_a_task(
    process, tmp_path, command, name, content, line
):
    (tmp_path / name).write_text(content)
    answer = process(command, name)
    assert answer.status == 2
    assert answer.err.startswith(f"error: {line}")
    assert answer.err.count("\n") == 1
