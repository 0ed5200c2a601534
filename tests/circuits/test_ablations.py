"""Ablations of networks written by hand have losses on paper; projections are those of the definition."""

import math

import pytest
import torch

from phasescope.algebra.fourier import fourier_basis, rows_of
from phasescope.circuits.ablation import loss_of
from phasescope.circuits.ablations import ABLATIONS, ablate
from phasescope.circuits.interventions import ablating, logits_with
from phasescope.circuits.one_layer import scores_of_heads
from phasescope.circuits.projections import on_blocks, on_products, on_sums
from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.measures.measure import measure
from phasescope.models.build import build_model
from phasescope.models.config import TransformerConfig, shape_for
from phasescope.models.handmade import clock_transformer, gromov_network
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import parse_split

P, AMPLITUDES = 31, {4: 6.0, 9: 9.0, 15: 4.0}


def context_of(model, task=f"a+b mod {P}", keys=None):
    built = parse_task(task).build()
    return Context(model, built, parse_split("nanda2023:0:0.3").split(built), keys)


@pytest.fixture(scope="module")
def clock():
    return context_of(clock_transformer(P, list(AMPLITUDES), list(AMPLITUDES.values())))


@pytest.fixture(scope="module")
def random():
    """A random one-layer network with wide logits on a table with an even modulus."""
    task = parse_task("a+b mod 12").build()
    config = TransformerConfig(d_model=16, n_heads=2, d_head=8, d_mlp=24)
    shape = shape_for(config, task.n_elements, task.d_vocab, task.n_ctx)
    model = build_model(config, shape, seed=1, dtype=torch.float64)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2.0)
    return context_of(model, task.name, keys=[2, 6])


def paper_loss(amplitudes):
    logits = [sum(A * math.cos(2 * math.pi * k * d / P) for k, A in amplitudes.items()) for d in range(P)]
    return math.log(sum(math.exp(x - logits[0]) for x in logits))


# all that a clock does, it does through the part that these keep
KEEPS_EVERYTHING = """logits_only_sums logits_only_blocks logits_only_products logits_cosine_fit
    neurons_polynomial neurons_only_sums_no_skip neurons_only_products_no_skip neurons_only_products_mean_skip
    neurons_only_sums neurons_only_blocks neurons_only_blocks_no_skip directions_waves mlp_skip_resample
    directions_only directions_only_no_skip neuron_logit_map_keys_only
    mlp_skip_zero mlp_skip_mean attention_skip_zero attention_pattern_mean attention_linear"""
# and nothing without the part that these take away
TAKES_EVERYTHING = (
    "logits_without_keys logits_without_blocks directions_removed attention_zero attention_mean"
)
ONE_KEY_AT_A_TIME = "logits_without_key neurons_zero_cluster"


@pytest.mark.parametrize("name", KEEPS_EVERYTHING.split())
def test_a_clock_loses_nothing(clock, name):
    changed = ABLATIONS[name].logits(clock)
    # a constant of the pair does not matter
    difference = changed - clock.logits
    assert (difference - difference.mean(1, keepdim=True)).abs().max() < 1e-10
    assert ablate(clock, [name])[name] == pytest.approx(paper_loss(AMPLITUDES), rel=1e-9)


@pytest.mark.parametrize("name", TAKES_EVERYTHING.split())
def test_a_clock_is_left_to_guess(clock, name):
    assert ablate(clock, [name])[name] == pytest.approx(math.log(P), rel=1e-10)


@pytest.mark.parametrize("name", ONE_KEY_AT_A_TIME.split())
def test_a_clock_without_one_key_is_the_clock_of_the_others(clock, name):
    expected = {k: paper_loss({key: A for key, A in AMPLITUDES.items() if key != k}) for k in AMPLITUDES}
    found = ablate(clock, name)
    assert found == {f"{name}.{k}": pytest.approx(loss, rel=1e-9) for k, loss in expected.items()}


def test_neurons_at_their_means_leave_the_mean_of_their_logits(clock):
    found = ABLATIONS["neurons_mean_cluster"].logits(clock)
    for key, logits in ABLATIONS["neurons_zero_cluster"].logits(clock).items():
        cluster = clock.neuron_shares.share[key - 1] > 0.85
        mean = clock.neurons[:, cluster].mean(0) @ clock.W_L[:, cluster].T
        torch.testing.assert_close(found[key], logits + mean, rtol=0, atol=1e-10)


def test_a_clock_whose_heads_look_at_both_operands_mixes_them(clock):
    """With halves each AB becomes (A + B)²/4, so that cos w(2a-c) and cos w(2b-c) come in."""
    a, b = torch.tensor(clock.task.pairs).unbind(1)
    c = torch.arange(P)
    expected = torch.zeros(P * P, P, dtype=torch.float64)
    for k, A in AMPLITUDES.items():
        w = 2 * math.pi * k / P
        sums = [(a + b)[:, None] - c, (2 * a)[:, None] - c, (2 * b)[:, None] - c]
        cosines = [(w * angle.double()).cos() for angle in sums]
        expected += A / 2 * (cosines[0] + cosines[1] / 2 + cosines[2] / 2)
    found = ABLATIONS["attention_pattern_halves"].logits(clock)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def kept_by_mask(values, p, keys, products_only):
    """The definition: transform both axes, zero all but the wanted components, transform back."""
    basis = torch.tensor(fourier_basis(p))
    coefficients = torch.einsum("fa,gb,abn->fgn", basis, basis, values.reshape(p, p, -1))
    mask = torch.zeros(p, p, 1, dtype=torch.float64)
    mask[0, 0] = 1
    for k in keys:
        rows = list(rows_of(p, k)) if products_only else [0, *rows_of(p, k)]
        for row in rows:
            mask[row, rows] = 1
    return torch.einsum("fa,gb,fgn->abn", basis, basis, coefficients * mask).reshape(p * p, -1)


@pytest.mark.parametrize("keys", [[1], [2, 6], [1, 3, 5]])
def test_projections_are_those_of_the_full_transform(random, keys):
    values, p = random.neurons, random.p
    for project, products_only in ((on_blocks, False), (on_products, True)):
        expected = kept_by_mask(values, p, keys, products_only)
        torch.testing.assert_close(project(random, values, keys), expected, rtol=0, atol=1e-11)


def test_projections_are_idempotent_and_nested(random):
    values, keys = random.logits, [2, 6]
    blocks = on_blocks(random, values, keys)
    products = on_products(random, values, keys)
    sums = on_sums(random, values, keys, keep_mean=True)
    close = {"rtol": 0, "atol": 1e-11}
    torch.testing.assert_close(on_blocks(random, blocks, keys), blocks, **close)
    torch.testing.assert_close(on_products(random, blocks, keys), products, **close)
    torch.testing.assert_close(on_sums(random, products, keys, keep_mean=True), sums, **close)


def test_keeping_sums_is_the_restricted_loss_and_removing_keys_the_excluded_loss_on_all_pairs(random):
    found = ablate(random, ["logits_only_sums", "logits_without_keys"])
    assert found["logits_only_sums"] == pytest.approx(measure(random, ["restricted_loss"])["restricted_loss"])
    everything = Context(random.model, random.task, parse_split("all").split(random.task), random.keys)
    excluded = measure(everything, ["excluded_loss_all_keys"])["excluded_loss_all_keys"]
    assert found["logits_without_keys"] == pytest.approx(excluded, rel=1e-10)


def test_neurons_that_no_frequency_explains_are_left_alone(random):
    assert not (random.neuron_shares.share > 0.85).any()
    assert ablate(random, ["neurons_polynomial"])["neurons_polynomial"] == loss_of(random, random.logits)


def test_the_skip_path_is_what_the_residual_stream_writes(random):
    """Zero and mean skip against a run of the network in which the residual stream is replaced by hand."""
    tokens, model = random.inputs.tokens, random.double
    _, cache = model.run_with_cache(tokens, ["blocks.0.mlp_out", "blocks.0.resid_mid"])
    written = cache["blocks.0.mlp_out"] - model.get_parameter("blocks.0.mlp.b_out")
    with model.hooks({"blocks.0.resid_post": lambda _: written}):
        zero = model.answer_logits(tokens)[:, : random.p]
    torch.testing.assert_close(ABLATIONS["mlp_skip_zero"].logits(random), zero, rtol=1e-11, atol=1e-11)
    mean = cache["blocks.0.resid_mid"].mean(0)
    with model.hooks({"blocks.0.resid_post": lambda _: cache["blocks.0.mlp_out"] + mean}):
        averaged = model.answer_logits(tokens)[:, : random.p]
    torch.testing.assert_close(ABLATIONS["mlp_skip_mean"].logits(random), averaged, rtol=1e-11, atol=1e-11)


def test_linear_attention_has_the_least_squares_slope(random):
    """Built by hand from queries and keys, head by head."""
    model, tokens = random.double, random.inputs.tokens
    _, cache = model.run_with_cache(tokens)
    q, k, v = (cache[f"blocks.0.attn.{letter}"] for letter in "qkv")
    resid = cache["blocks.0.resid_pre"][:, -1]
    for head in range(2):
        scores = (q[:, -1, None, head] * k[:, :, head]).sum(-1) / 8**0.5
        difference = scores[:, 0] - scores[:, 1]
        target = cache["blocks.0.attn.pattern"][:, head, -1, 0] - 0.5
        slope = torch.linalg.lstsq(difference[:, None], target[:, None]).solution.item()
        left = 0.5 + slope * difference
        z = left[:, None] * v[:, 0, head] + (1 - left)[:, None] * v[:, 1, head]
        resid = resid + z @ model.get_parameter("blocks.0.attn.W_O")[head]
    pre = resid @ model.get_parameter("blocks.0.mlp.W_in") + model.get_parameter("blocks.0.mlp.b_in")
    post = pre.relu() @ model.get_parameter("blocks.0.mlp.W_out") + model.get_parameter("blocks.0.mlp.b_out")
    expected = ((resid + post) @ model.get_parameter("unembed.W_U"))[:, : random.p]
    found = ABLATIONS["attention_linear"].logits(random)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("normalization", ["none", "post", "pre"])
def test_attention_ablations_at_equals_are_those_of_the_whole_network(normalization):
    """The plain pass through every position, with hooks, is the oracle of the pass at '=' alone."""
    task = parse_task("a+b mod 7").build()
    config = TransformerConfig(
        d_model=8, n_heads=2, d_head=4, d_mlp=12, normalization=normalization, attention_bias=True
    )
    model = build_model(config, shape_for(config, 7, 8, 3), seed=0, dtype=torch.float64)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, dtype=weight.dtype, generator=torch.manual_seed(1)))
    context = Context(model, task, parse_split("all").split(task), [2])
    attn, out = "blocks.0.attn.pattern", "blocks.0.attn_out"
    _, cache = context.double.run_with_cache(context.inputs.tokens, [out, "blocks.0.attn.scores"])
    torch.testing.assert_close(scores_of_heads(context), cache["blocks.0.attn.scores"][:, :, -1])

    def looking(left, right):
        def hook(pattern):
            changed = pattern.clone()
            changed[:, :, -1] = torch.stack([left, right, torch.zeros_like(left)], -1)
            return changed

        return hook

    score = cache["blocks.0.attn.scores"][:, :, -1]
    tangent = 0.5 + (score[:, :, 0] - score[:, :, 1]) / 4
    oracles = {
        "attention_zero": {out: torch.zeros_like},
        "attention_mean": {out: lambda written: written.mean(0).expand_as(written)},
        "attention_resample": {out: ablating(out, "resample")},
        "attention_skip_zero": {"blocks.0.resid_mid": lambda _: cache[out]},
        "attention_pattern_halves": {attn: looking(0 * tangent + 0.5, 0 * tangent + 0.5)},
        "attention_pattern_mean": {attn: lambda pattern: pattern.mean(0).expand_as(pattern)},
        "attention_tangent": {attn: looking(tangent, 1 - tangent)},
    }
    for name, hooks in oracles.items():
        expected = logits_with(context, hooks)
        torch.testing.assert_close(ABLATIONS[name].logits(context), expected, rtol=1e-10, atol=1e-10)
        assert not torch.allclose(expected, context.logits)


def test_every_ablation_says_what_it_does_and_applies_to_the_mainline_network(random):
    of_groups = {n for n, a in ABLATIONS.items() if a.function.__module__.endswith("group_interventions")}
    assert len(of_groups) == 8
    assert {name.split(".")[0] for name in ablate(random)} == set(ABLATIONS) - of_groups
    for name in set(ABLATIONS) - of_groups:
        record = ABLATIONS[name]
        assert record.name == name
        assert record.statement.endswith((".", "."))
        assert record.reference
        changed = record.logits(random)
        assert (record.per == "frequency") == isinstance(changed, dict)
        for logits in changed.values() if isinstance(changed, dict) else [changed]:
            assert logits.shape == random.logits.shape
            assert logits.dtype == torch.float64


def test_an_ablation_leaves_the_network_as_it_was(random):
    before = random.double.answer_logits(random.inputs.tokens)
    ablate(random)
    assert (random.double.answer_logits(random.inputs.tokens) == before).all()


def test_a_network_without_attention_has_the_other_ablations():
    context = context_of(gromov_network(P, 600), keys=[3])
    found = set(ablate(context))
    assert {name for name in ABLATIONS if name.startswith("attention")}.isdisjoint(found)
    assert {"logits_only_sums", "directions_only"} <= found
    assert "mlp_skip_zero" not in found  # nothing goes around its neurons
    with pytest.raises(
        PhasescopeError, match="attention_zero needs one layer of softmax attention; got an emb"
    ):
        ablate(context, ["attention_zero"])


def test_layer_norm_before_the_logits_rules_the_linear_ones_out():
    task = parse_task("a+b mod 7").build()
    config = TransformerConfig(d_model=8, n_heads=2, d_head=4, d_mlp=12, normalization="pre")
    model = build_model(config, shape_for(config, 7, 8, 3), seed=0)
    context = Context(model, task, parse_split("all").split(task), [2])
    found = set(ablate(context))
    assert "mlp_skip_zero" not in found
    assert {"logits_only_sums", "attention_zero"} <= found


def test_an_unknown_name_is_answered_in_one_line(random):
    with pytest.raises(PhasescopeError, match="there is no ablation 'skip'") as error:
        ablate(random, ["skip"])
    assert len(str(error.value)) <= 300
