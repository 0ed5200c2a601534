"""Any activation and any weight can be replaced or projected: on clocks, and against doing it by hand."""

import math

import pytest
import torch

from phasescope.algebra.fourier import rows_of
from phasescope.circuits.ablation import loss_of
from phasescope.circuits.ablations import ABLATIONS
from phasescope.circuits.interventions import (
    ablate_activation,
    ablating,
    project_activation,
)
from phasescope.circuits.weight_interventions import project_weight, with_weights
from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.models.handmade import clock_transformer, gromov_network, pizza_transformer, random_network
from phasescope.models.names import activation_names
from phasescope.tasks.config import ModularTask
from phasescope.tasks.split import parse_split

P, KEYS, AMPLITUDES = 13, (2, 5), (3.0, 4.0)


def context_of(model, p=P, layout="a b ="):
    task = ModularTask(p=p, layout=layout).build()
    return Context(model, task, parse_split("all").split(task))


@pytest.fixture(scope="module")
def clock():
    return context_of(clock_transformer(P, KEYS, AMPLITUDES))


@pytest.fixture(scope="module")
def random():
    """A network without structure, its weights wide enough for its logits to differ."""
    context = context_of(random_network(P, seed=3, d_mlp=32))
    return with_weights(context, {name: 3 * weight for name, weight in context.weights.items()})


def test_a_clock_without_either_head_or_any_wave_is_left_to_guess(clock):
    left = {
        "one head": ablate_activation(clock, "blocks.0.attn.z", where=(-1, 1)),
        "the embedding": ablate_activation(clock, "embed"),
        "the neurons": ablate_activation(clock, "blocks.0.mlp.post"),
        "the neurons' means": ablate_activation(clock, "blocks.0.mlp.post", "mean"),
    }
    for what, logits in left.items():
        assert loss_of(clock, logits) == pytest.approx(math.log(P), rel=1e-9), what


def test_taking_a_keys_directions_out_of_the_stream_is_taking_its_neurons_away(clock):
    """The answer's waves of a key in the residual stream, against its cluster of neurons set to zero."""
    without = ABLATIONS["neurons_zero_cluster"].logits(clock)
    for place, key in enumerate(KEYS):
        waves = clock.weights["unembed.W_U"][12 + 2 * place : 14 + 2 * place, :P]
        rows = torch.zeros(2, clock.model.config.d_model, dtype=torch.float64)
        rows[[0, 1], [12 + 2 * place, 13 + 2 * place]] = 1.0
        assert waves.norm() > 0
        found = ablate_activation(clock, "blocks.0.resid_post", "zero", where=(-1,), directions=rows)
        torch.testing.assert_close(found, without[key], rtol=0, atol=1e-10)
        same = project_activation(clock, "blocks.0.resid_post", rows, keep=False, where=(-1,))
        torch.testing.assert_close(same, found, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["embed", "blocks.0.attn_out", "blocks.0.mlp.post", "blocks.0.resid_post"])
@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_ablations_are_the_hook_written_by_hand(random, name, how):
    generator = torch.Generator().manual_seed(5)
    other = torch.randperm(P * P, generator=generator)
    by_hand = {
        "zero": torch.zeros_like,
        "mean": lambda value: value.mean(0).expand_as(value),
        "resample": lambda value: value[other],
    }
    with torch.no_grad(), random.double.hooks({name: by_hand[how]}):
        expected = random.double.answer_logits(random.inputs.tokens)[:, :P]
    found = ablate_activation(random, name, how, seed=5)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    assert (found - random.logits).abs().max() > 1e-3


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_all_directions_are_everything_and_none_changes_nothing(random, how):
    name, everything = "blocks.0.resid_mid", torch.eye(128, dtype=torch.float64)
    whole = ablate_activation(random, name, how)
    along = ablate_activation(random, name, how, directions=everything)
    torch.testing.assert_close(along, whole, rtol=1e-9, atol=1e-9)
    zero = ablate_activation(random, name, how, directions=torch.zeros(1, 128, dtype=torch.float64))
    torch.testing.assert_close(zero, random.logits, rtol=1e-9, atol=1e-9)


def test_projections_are_idempotent_and_complementary():
    value = torch.randn(9, 2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    directions = torch.randn(2, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    skewed = torch.cat([directions, directions.sum(0, keepdim=True)])  # dependent, not orthogonal
    removed = ablating("x", "zero", directions=skewed)(value)
    torch.testing.assert_close(removed @ directions.T, torch.zeros(9, 2, 2, dtype=torch.float64))
    torch.testing.assert_close(ablating("x", "zero", directions=directions)(removed), removed)


def test_a_permutation_keeps_every_value_and_the_seed_decides_it():
    value = torch.arange(50.0)[:, None]
    first, again, other = (ablating("x", "resample", seed=seed)(value) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(first.sort(0).values, value)


def test_weights_can_be_projected_along_either_axis(clock):
    """W_U cut down to one key, along the answers or along the residual stream, is the clock of that key."""
    alone = context_of(clock_transformer(P, [KEYS[0]], [AMPLITUDES[0]])).logits
    waves = torch.nn.functional.pad(clock.inputs.basis[list(rows_of(P, KEYS[0]))], (0, 1))
    onto = project_weight(clock, "unembed.W_U", waves, axis=1, keep=True)
    torch.testing.assert_close(onto, alone, rtol=0, atol=1e-10)
    out_of = project_weight(clock, "unembed.W_U", waves, axis=1, keep=False)
    torch.testing.assert_close(onto + out_of, clock.logits, rtol=0, atol=1e-10)
    written = torch.eye(clock.model.config.d_model, dtype=torch.float64)[12:14]
    torch.testing.assert_close(
        project_weight(clock, "unembed.W_U", written, axis=0, keep=True), alone, rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("kind", ["clock", "pizza", "gromov", "random"])
def test_every_activation_of_every_handmade_network_can_be_ablated(kind):
    context = {
        "clock": lambda: context_of(clock_transformer(P, KEYS)),
        "pizza": lambda: context_of(pizza_transformer(P, [2, 5]), layout="a b"),
        "gromov": lambda: context_of(gromov_network(P, 60)),
        "random": lambda: context_of(random_network(P, 0, d_mlp=16)),
    }[kind]()
    before = context.double.answer_logits(context.inputs.tokens)
    for name in activation_names(context.model.config):
        for how in ("zero", "resample"):
            assert ablate_activation(context, name, how).shape == (P * P, P)
    assert torch.equal(context.double.answer_logits(context.inputs.tokens), before)


def test_mistakes_are_answered_in_one_line(clock):
    eye = torch.eye(3, dtype=torch.float64)
    with pytest.raises(PhasescopeError, match=r"no activation 'blocks.0.mlp.pst'; near: blocks.0.mlp.post"):
        ablate_activation(clock, "blocks.0.mlp.pst")
    with pytest.raises(PhasescopeError, match=r"embed needs directions of shape \(n, 19\); got \(3, 3\)"):
        project_activation(clock, "embed", eye, keep=True)
    with pytest.raises(PhasescopeError, match=r"shape \(3, 19\) for each pair; got where=\(7,\)"):
        ablate_activation(clock, "embed", where=(7,))
    with pytest.raises(PhasescopeError, match=r"no weight 'unembed.W_V'; near: unembed.W_U"):
        project_weight(clock, "unembed.W_V", eye, axis=0, keep=True)
    with pytest.raises(PhasescopeError, match=r"unembed.W_U has 2 axes; got axis=2"):
        project_weight(clock, "unembed.W_U", eye, axis=2, keep=True)
    with pytest.raises(PhasescopeError, match=r"needs directions of shape \(n, 14\)"):
        project_weight(clock, "unembed.W_U", eye, axis=1, keep=True)
