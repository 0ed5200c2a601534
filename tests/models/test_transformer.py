"""The transformer against a second one, written in numpy from the papers' formulas, one row at a time."""

import itertools
import math

import numpy as np
import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.models.build import build_model, model_from_parameters
from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.names import parameter_shapes
from phasescope.models.transformer import transformer_logits

SIX = Shape(d_vocab=6, d_vocab_out=6, n_ctx=3)
TINY = {"d_model": 4, "n_heads": 2, "d_head": 3, "d_mlp": 5}
NONLINEAR = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "quadratic": lambda x: x**2,
    "absolute": np.abs,
}


def random_parameters(config, shape, seed=0):
    """Every weight random, biases and layer norms too, so that none can be forgotten unseen."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(size, generator=generator, dtype=torch.float64) / 3
        for name, size in parameter_shapes(config, shape).items()
    }


def position_row(config, w, pos):
    if config.positions == "learned":
        return w["pos_embed.W_pos"][pos]
    row = np.empty(config.d_model)
    for i in range(config.d_model):
        angle = pos / 10_000 ** ((i - i % 2) / config.d_model)
        row[i] = math.cos(angle) if i % 2 else math.sin(angle)
    return row


def norm(config, w, name, row):
    deviation = row - sum(row) / len(row)
    spread = math.sqrt(sum(deviation**2) / len(row) + config.normalization_eps)
    return deviation / spread * w[f"{name}.w"] + w[f"{name}.b"]


def plain_forward(config, w, tokens):
    """Logits of one input, position by position and head by head; returns them with every pattern."""
    rows = [w["embed.W_E"][token] + position_row(config, w, pos) for pos, token in enumerate(tokens)]
    patterns = []
    for layer in range(config.n_layers):
        block = f"blocks.{layer}"
        pre, post = config.normalization == "pre", config.normalization == "post"
        inputs = [norm(config, w, f"{block}.ln1", row) if pre else row for row in rows]
        attended = [np.zeros(config.d_model) for _ in rows]
        for head in range(config.n_heads):
            q, k, v = (
                [
                    x @ w[f"{block}.attn.W_{letter}"][head]
                    + (w[f"{block}.attn.b_{letter}"][head] if config.attention_bias else 0)
                    for x in inputs
                ]
                for letter in "QKV"
            )
            if config.smeared_keys:
                own = 1 / (1 + math.exp(-w[f"{block}.attn.smear"][head]))
                k = [own * k[pos] + ((1 - own) * k[pos - 1] if pos else 0) for pos in range(len(rows))]
            pattern = np.zeros((len(rows), len(rows)))
            for here in range(len(rows)):
                seen = range(here + 1) if config.causal else range(len(rows))
                scores = np.array([q[here] @ k[there] for there in seen]) / math.sqrt(config.d_head)
                weights = np.exp(scores - scores.max())
                for there in seen:
                    softmax = weights[there] / weights.sum()
                    pattern[here, there] = config.softmax_share * softmax + (1 - config.softmax_share)
                z = sum(pattern[here, there] * v[there] for there in seen)
                attended[here] = attended[here] + z @ w[f"{block}.attn.W_O"][head]
            patterns.append(pattern)
        for pos in range(len(rows)):
            out = attended[pos] + (w[f"{block}.attn.b_O"] if config.attention_bias else 0)
            mid = norm(config, w, f"{block}.ln1", rows[pos] + out) if post else rows[pos] + out
            x = norm(config, w, f"{block}.ln2", mid) if pre else mid
            hidden = NONLINEAR[config.activation](
                x @ w[f"{block}.mlp.W_in"] + (w[f"{block}.mlp.b_in"] if config.mlp_bias else 0)
            )
            out = hidden @ w[f"{block}.mlp.W_out"] + (w[f"{block}.mlp.b_out"] if config.mlp_bias else 0)
            rows[pos] = norm(config, w, f"{block}.ln2", mid + out) if post else mid + out
    if config.normalization == "pre":
        rows = [norm(config, w, "ln_final", row) for row in rows]
    W_U = w["embed.W_E"].T if config.tied else w["unembed.W_U"]
    logits = [row @ W_U + (w["unembed.b_U"] if config.unembed_bias else 0) for row in rows]
    return np.array(logits), np.array(patterns)


OPTIONS = {
    "n_layers": (1, 2),
    "normalization": ("none", "pre", "post"),
    "activation": tuple(NONLINEAR),
    "positions": ("learned", "sinusoidal"),
    "causal": (True, False),
    "attention_bias": (True, False),
    "mlp_bias": (True, False),
    "unembed_bias": (True, False),
    "ends": ("tied", "vocabulary", "answers"),
    "softmax_share": (1.0, 0.3),
}
# one combination in thirteen, which still has every three values of different options together
COMBINATIONS = [dict(zip(OPTIONS, values, strict=True)) for values in itertools.product(*OPTIONS.values())][
    ::13
]


def test_the_combinations_have_every_three_values_together():
    for three in itertools.combinations(OPTIONS, 3):
        seen = {tuple(combination[option] for option in three) for combination in COMBINATIONS}
        assert seen == set(itertools.product(*(OPTIONS[option] for option in three)))


@pytest.mark.parametrize("part", range(8))
def test_equals_the_formulas_whatever_the_options(part):
    for combination in COMBINATIONS[part::8]:
        ends = combination["ends"]
        options = {name: value for name, value in combination.items() if name != "ends"}
        output = "answers" if ends == "answers" else "vocabulary"
        config = TransformerConfig(tied=ends == "tied", output=output, **options, **TINY)
        shape = Shape(d_vocab=5, d_vocab_out=4 if output == "answers" else 5, n_ctx=3)
        parameters = random_parameters(config, shape)
        logits = transformer_logits(config, parameters, torch.tensor([[3, 1, 4]]))[0].numpy()
        expected, _ = plain_forward(config, {k: v.numpy() for k, v in parameters.items()}, [3, 1, 4])
        np.testing.assert_allclose(logits, expected, rtol=1e-10, atol=1e-10, err_msg=repr(combination))


@pytest.mark.parametrize("options", [{}, {"n_layers": 2, "causal": False, "attention_bias": True}])
def test_smeared_keys_equal_the_formula(options):
    config, shape = TransformerConfig(smeared_keys=True, **TINY | options), SIX
    parameters = random_parameters(config, shape)
    tokens = torch.tensor([[3, 1, 4], [5, 5, 0]])
    logits = transformer_logits(config, parameters, tokens).numpy()
    weights = {name: weight.numpy() for name, weight in parameters.items()}
    for row, example in zip(logits, tokens.tolist(), strict=True):
        np.testing.assert_allclose(row, plain_forward(config, weights, example)[0], rtol=1e-10, atol=1e-10)
    kept = parameters | {name: torch.full_like(w, 40.0) for name, w in parameters.items() if "smear" in name}
    unsmeared = config.model_copy(update={"smeared_keys": False})
    expected = transformer_logits(unsmeared, kept, tokens).numpy()
    np.testing.assert_allclose(transformer_logits(config, kept, tokens).numpy(), expected, atol=1e-12)


def test_the_mainline_network_equals_the_formulas_on_a_batch():
    config, shape = TransformerConfig(), Shape(d_vocab=114, d_vocab_out=114, n_ctx=3)
    model = build_model(config, shape, seed=3, dtype=torch.float64)
    tokens = torch.tensor([[0, 0, 113], [5, 112, 113], [112, 7, 113]])
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    logits, cache = model.run_with_cache(tokens, ["blocks.0.attn.pattern"])
    for row, example in enumerate(tokens.tolist()):
        expected, patterns = plain_forward(config, weights, example)
        np.testing.assert_allclose(logits[row].detach(), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(cache["blocks.0.attn.pattern"][row].detach(), patterns, atol=1e-13)
    assert torch.equal(model.answer_logits(tokens), logits[:, -1])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization": "pre", "activation": "gelu", "attention_bias": True},
        {"normalization": "post", "activation": "quadratic", "tied": True, "softmax_share": 0.4},
    ],
)
def test_gradients_are_those_of_finite_differences(options):
    config = TransformerConfig(d_model=4, n_heads=2, d_head=2, d_mlp=3, **options)
    shape = Shape(d_vocab=3, d_vocab_out=3, n_ctx=3)
    parameters = random_parameters(config, shape, seed=1)
    tokens = torch.tensor([[0, 1, 2]])

    def answer(*values):
        return transformer_logits(config, dict(zip(parameters, values, strict=True)), tokens)[:, -1]

    values = [value.requires_grad_() for value in parameters.values()]
    assert torch.autograd.gradcheck(answer, values, fast_mode=True)


@pytest.mark.parametrize("n_layers", [1, 3])
def test_a_causal_network_is_blind_to_what_comes_after(n_layers):
    shape = SIX
    tokens, changed = torch.tensor([[1, 2, 5]]), torch.tensor([[1, 2, 0]])
    causal = build_model(TransformerConfig(n_layers=n_layers, **TINY), shape, seed=0)
    assert torch.equal(causal(tokens)[:, :2], causal(changed)[:, :2])
    seeing = build_model(TransformerConfig(n_layers=n_layers, causal=False, **TINY), shape, seed=0)
    assert not torch.allclose(seeing(tokens)[:, :2], seeing(changed)[:, :2])


def test_minus_infinity_and_the_authors_ten_billion_give_the_same_softmax():
    scores = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)) * 30
    hidden = torch.tensor([False, False, True])
    with_infinity = scores.masked_fill(hidden, -math.inf).softmax(-1)
    authors = (scores * ~hidden - 1e10 * hidden).softmax(-1)
    assert torch.equal(with_infinity, authors)


@pytest.mark.parametrize("causal", [True, False])
def test_without_softmax_every_visible_key_has_weight_one(causal):
    config = TransformerConfig(softmax_share=0.0, causal=causal, **TINY)
    model = build_model(config, SIX, seed=0)
    _, cache = model.run_with_cache(torch.tensor([[1, 2, 5]]))
    expected = torch.ones(3, 3).tril() if causal else torch.ones(3, 3)
    assert torch.equal(cache["blocks.0.attn.pattern"], expected.expand(1, 2, 3, 3))


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_a_pattern_sums_to_the_softmax_and_one_per_visible_key(share):
    config = TransformerConfig(softmax_share=share, **TINY)
    model = build_model(config, SIX, seed=0, dtype=torch.float64)
    _, cache = model.run_with_cache(torch.tensor([[1, 2, 5]]))
    expected = share + (1 - share) * torch.arange(1, 4, dtype=torch.float64)
    torch.testing.assert_close(cache["blocks.0.attn.pattern"].sum(-1), expected.expand(1, 2, 3))


def test_a_tied_network_unembeds_by_its_embedding_and_trains_them_as_one():
    model = build_model(TransformerConfig(tied=True, **TINY), SIX, seed=0)
    assert "unembed.W_U" not in model.state_dict()
    assert torch.equal(model.W_U, model.W_E.T)
    model(torch.tensor([[1, 2, 5]])).sum().backward()
    unread = model.W_E.grad[3]  # token 3 is in no input: all its gradient comes from the unembedding
    assert unread.abs().max() > 0


def test_W_L_is_what_a_neuron_adds_to_the_logits():
    model = build_model(TransformerConfig(n_layers=2, **TINY), SIX, seed=0)
    tokens, lift = torch.tensor([[1, 2, 5]]), torch.zeros(1, 3, 5)
    lift[:, :, 3] = 1.0
    assert model.neurons == "blocks.1.mlp.post"
    with model.hooks({model.neurons: lambda value: value + lift}):
        lifted = model.answer_logits(tokens)
    torch.testing.assert_close(
        lifted - model.answer_logits(tokens), model.W_L[:, 3][None], atol=1e-5, rtol=1e-4
    )


def test_residuals_add_up():
    model = build_model(TransformerConfig(n_layers=2, **TINY), SIX, seed=0)
    _, cache = model.run_with_cache(torch.tensor([[1, 2, 5], [0, 0, 5]]))
    written = cache["embed"] + cache["pos_embed"]
    for layer in range(2):
        torch.testing.assert_close(written, cache[f"blocks.{layer}.resid_pre"])
        written = written + cache[f"blocks.{layer}.attn_out"]
        torch.testing.assert_close(written, cache[f"blocks.{layer}.resid_mid"])
        written = written + cache[f"blocks.{layer}.mlp_out"]
        torch.testing.assert_close(written, cache[f"blocks.{layer}.resid_post"])


@pytest.mark.parametrize("normalization", ["pre", "post"])
def test_what_a_layer_norm_calls_normalized_has_mean_zero_and_variance_one(normalization):
    config = TransformerConfig(normalization=normalization, normalization_eps=1e-12, **TINY)
    model = build_model(config, SIX, seed=0, dtype=torch.float64)
    _, cache = model.run_with_cache(torch.tensor([[1, 2, 5]]), lambda name: name.endswith(".normalized"))
    assert len(cache) == (3 if normalization == "pre" else 2)
    for value in cache.values():
        torch.testing.assert_close(value.mean(-1), torch.zeros(1, 3, dtype=torch.float64))
        torch.testing.assert_close(value.var(-1, correction=0), torch.ones(1, 3, dtype=torch.float64))


def test_is_a_function_of_its_parameters_for_functional_call_and_vmap():
    config, shape = TransformerConfig(**TINY), SIX
    models = [build_model(config, shape, seed=seed, dtype=torch.float64) for seed in (0, 1)]
    tokens = torch.tensor([[1, 2, 5], [0, 4, 5]])
    stacked, _ = torch.func.stack_module_state(models)
    together = torch.func.vmap(lambda weights: torch.func.functional_call(models[0], weights, (tokens,)))(
        stacked
    )
    for member, model in zip(together, models, strict=True):
        torch.testing.assert_close(member, model(tokens), rtol=1e-12, atol=1e-12)


def test_inputs_of_another_length_are_refused_in_one_line():
    model = build_model(TransformerConfig(**TINY), SIX, seed=0)
    with pytest.raises(PhasescopeError, match=r"^this model reads 3 tokens at a time; got inputs of 2$"):
        model(torch.tensor([[1, 2]]))


def test_weights_are_copied_on_the_way_in():
    config, shape = TransformerConfig(**TINY), SIX
    parameters = random_parameters(config, shape)
    model = model_from_parameters(config, shape, parameters)
    before = model.W_E.clone()
    parameters["embed.W_E"].zero_()
    assert torch.equal(model.W_E, before)
