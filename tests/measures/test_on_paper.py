"""What measures say of networks written by hand, against values worked out on paper."""

import math

import pytest
import torch

from phasescope.measures.context import Context
from phasescope.measures.measure import measure
from phasescope.models.build import model_from_parameters
from phasescope.models.handmade import clock_transformer, gromov_network, lookup_network
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import Split, parse_split

P, KEYS, AMPLITUDES = 53, (3, 11, 26), (6.0, 9.0, 4.0)


@pytest.fixture(scope="module")
def clock():
    task = parse_task(f"a+b mod {P}").build()
    model = clock_transformer(P, KEYS, AMPLITUDES)
    return Context(model, task, parse_split("nanda2023:0:0.3").split(task))


def paper_loss(p, amplitudes):
    """Loss of logits Σ_k A_k cos(w_k(a+b-c)): the same for every pair."""
    logits = [sum(A * math.cos(2 * math.pi * k * d / p) for k, A in amplitudes.items()) for d in range(p)]
    return math.log(sum(math.exp(x - logits[0]) for x in logits))


def test_losses(clock):
    loss = paper_loss(P, dict(zip(KEYS, AMPLITUDES, strict=True)))
    found = measure(clock, ["loss", "train_loss", "test_loss", "restricted_loss", "restricted_loss_train"])
    assert found == {name: pytest.approx(loss, rel=1e-10) for name in found}
    # the logits have no mean over pairs, so there is no bias to lose
    assert measure(clock, ["restricted_loss_no_bias"])["restricted_loss_no_bias"] == pytest.approx(loss)
    assert measure(clock, ["accuracy"]) == {"accuracy": 1.0}


@pytest.mark.parametrize("name", ["excluded_loss", "excluded_loss_train_fit", "excluded_loss_cube"])
def test_excluding_a_key_leaves_the_other_keys_and_excluding_another_frequency_changes_nothing(clock, name):
    amplitudes = dict(zip(KEYS, AMPLITUDES, strict=True))
    found = measure(clock, [name])[name]
    assert list(found) == list(range(1, P // 2 + 1))
    for k, value in found.items():
        left = {key: A for key, A in amplitudes.items() if key != k}
        if name == "excluded_loss_train_fit" and k not in KEYS:
            # fitted on some of the pairs only, cosines of different frequencies overlap a little
            assert abs(math.log(value / paper_loss(P, left))) < 0.5
        elif name == "excluded_loss_train_fit":
            assert value > 3 * paper_loss(P, amplitudes)
        else:
            assert value == pytest.approx(paper_loss(P, left), rel=1e-9)


@pytest.mark.parametrize("name", ["excluded_loss_all_keys", "excluded_loss_all_keys_train_fit"])
def test_without_its_keys_a_clock_guesses(clock, name):
    assert measure(clock, [name])[name] == pytest.approx(math.log(P), rel=1e-10)


def test_largest_excluded_loss_is_that_of_the_strongest_key(clock):
    assert measure(clock, ["excluded_loss_max"])["excluded_loss_max"] == pytest.approx(
        paper_loss(P, {3: 6.0, 26: 4.0}), rel=1e-9
    )


def test_logits(clock):
    found = measure(
        clock,
        [
            "logit_cosine_coefficients",
            "logit_cosine_similarity",
            "logit_variance_explained",
            "logit_fit_variance_explained",
        ],
    )
    whole = math.hypot(*AMPLITUDES)
    for k in range(1, P // 2 + 1):
        A = dict(zip(KEYS, AMPLITUDES, strict=True)).get(k, 0.0)
        assert found["logit_cosine_coefficients"][k] == pytest.approx(A * math.sqrt(P**3 / 2), abs=1e-9)
        assert found["logit_cosine_similarity"][k] == pytest.approx(A / whole, abs=1e-12)
    assert found["logit_variance_explained"] == pytest.approx(1, abs=1e-12)
    assert found["logit_fit_variance_explained"] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("bias", [0.0, 0.5, 1.0, 3.0])
def test_neurons(bias):
    task = parse_task("a+b mod 31").build()
    model = clock_transformer(31, [4, 9], bias=bias)
    context = Context(model, task, parse_split("all").split(task))
    share = (1 + 4 * bias**2) / (1.25 + 4 * bias**2)
    found = measure(
        context, ["neuron_frequency_fraction", "neurons_explained", "neuron_clusters", "dead_neurons"]
    )
    assert found["neuron_frequency_fraction"] == pytest.approx(share, rel=1e-10)
    assert found["neurons_explained"] == (1.0 if share > 0.85 else 0.0)
    assert {k: n for k, n in found["neuron_clusters"].items() if n} == (
        {4: 16, 9: 16} if share > 0.85 else {}
    )
    assert found["dead_neurons"] == 0
    # what is not in the key's frequency is in twice the key
    shares = context.neuron_shares.share[[7, 12]].amax(1)  # 2 * 4 = 8, and 2 * 9 = 18 = -13
    assert shares.tolist() == pytest.approx([1 - share, 1 - share], rel=1e-9)


def test_weights(clock):
    found = measure(
        clock,
        [
            "fourier_norm_W_E",
            "fourier_norm_W_L",
            "fourier_norm_W_U",
            "W_L_variance_explained",
            "W_L_residual",
            "W_L_rank",
        ],
    )
    for k in range(1, P // 2 + 1):
        A = dict(zip(KEYS, AMPLITUDES, strict=True)).get(k, 0.0)
        assert found["fourier_norm_W_E"][k] == pytest.approx(math.sqrt(P) if A else 0, abs=1e-12)
        assert found["fourier_norm_W_U"][k] == pytest.approx(A * math.sqrt(P), abs=1e-11)
        assert found["fourier_norm_W_L"][k] == pytest.approx(A * math.sqrt(P / 8), abs=1e-11)
    assert found["W_L_variance_explained"] == pytest.approx(1, abs=1e-12)
    assert found["W_L_residual"] == pytest.approx(0, abs=1e-12)
    assert found["W_L_rank"] == 6


def test_gini_and_ranks_of_a_clock_with_equal_hands():
    task = parse_task(f"a+b mod {P}").build()
    context = Context(clock_transformer(P, KEYS), task, parse_split("all").split(task))
    found = measure(context, ["gini_W_E", "gini_W_L", "gini_W_U", "W_L_effective_rank"])
    # 2 * 3 equal norms among P
    assert found == {
        "gini_W_E": pytest.approx(1 - 6 / P, abs=1e-12),
        "gini_W_L": pytest.approx(1 - 6 / P, abs=1e-12),
        "gini_W_U": pytest.approx(1 - 6 / P, abs=1e-12),
        "W_L_effective_rank": pytest.approx(6, abs=1e-9),
    }


def test_neuron_logit_directions(clock):
    found = measure(clock, ["u_v_variance_explained", "u_v_coefficients"])
    names = [f"{k}.{part}" for k in KEYS for part in ("cos", "sin")]
    assert found["u_v_variance_explained"] == pytest.approx(dict.fromkeys(names, 1.0), abs=1e-12)
    amplitudes = [A * math.sqrt(P / 2) for A in AMPLITUDES for _ in "uv"]
    assert found["u_v_coefficients"] == pytest.approx(dict(zip(names, amplitudes, strict=True)), rel=1e-10)


def test_sum_of_squares_is_that_of_the_state_dict(clock):
    tensors = {name: w.double().square().sum().item() for name, w in clock.model.state_dict().items()}
    found = measure(clock, ["sum_squared_weights", "sum_squared_weights_per_tensor"])
    assert found["sum_squared_weights_per_tensor"] == pytest.approx(tensors, rel=1e-14)
    assert found["sum_squared_weights"] == pytest.approx(sum(tensors.values()), rel=1e-14)


def test_a_clock_attends_without_looking(clock):
    found = measure(clock, ["attention_periodicity", "attention_to_equals"])
    assert found == {"attention_periodicity": {0: 0.0, 1: 0.0}, "attention_to_equals": {0: 0.0, 1: 0.0}}


def test_attention_that_follows_a_wave(clock, replaced):
    a, b = torch.tensor(clock.task.pairs).unbind(1)
    angle = 2 * math.pi / P
    wave = torch.cos(11 * angle * a) - torch.cos(11 * angle * b)
    noise = torch.cos(20 * angle * (a + b))
    left = torch.stack([0.5 + 0.2 * wave, 0.5 + 0.2 * wave + 0.1 * noise], 1).double()
    pattern = torch.stack([left, 0.99 - left, torch.full_like(left, 0.01)], 2)
    found = measure(
        replaced(clock, blocks__0__attn__pattern=pattern),
        ["attention_periodicity", "attention_frequency", "attention_to_equals"],
    )
    # variances: 0.04 * (1/2 + 1/2) for the wave, 0.01 / 2 for the noise
    assert found["attention_periodicity"] == pytest.approx({0: 1.0, 1: 0.04 / 0.045}, rel=1e-6)
    assert found["attention_frequency"] == {0: 11.0, 1: 11.0}
    assert found["attention_to_equals"] == pytest.approx({0: 0.01, 1: 0.01})


def test_a_clock_that_subtracts(context_of):
    weights = clock_transformer(P, KEYS).state_dict()
    weights["blocks.0.attn.W_O"][1, 1::2] *= -1  # head 1 copies the waves of -b: its sines change sign
    plain = clock_transformer(P, KEYS)
    context = context_of(f"a-b mod {P}", model_from_parameters(plain.config, plain.shape, weights))
    found = measure(
        context, ["accuracy", "key_frequencies", "loss", "restricted_loss", "logit_variance_explained"]
    )
    assert found["accuracy"] == 1.0
    assert found["key_frequencies"] == list(KEYS)
    assert found["restricted_loss"] == pytest.approx(found["loss"], rel=1e-10)
    assert found["logit_variance_explained"] == pytest.approx(1, abs=1e-12)


def test_margins_and_softmax_collapse_of_a_lookup_table():
    task = parse_task("a*b mod 7").build()
    split = parse_split("nanda2023:0:0.5").split(task)

    def read(amplitude, dtype):
        context = Context(lookup_network(task, amplitude), task, split, loss_dtype=dtype)
        return measure(
            context,
            [
                "margin_mean",
                "margin_min",
                "margin_max",
                "softmax_collapse_fraction",
                "softmax_collapse_fraction_float32",
            ],
        )

    names = ("margin_mean", "margin_min", "margin_max")
    assert {name: read(15.0, torch.float64)[name] for name in names} == pytest.approx(
        dict.fromkeys(names, 15.0)
    )
    # six other logits at -A: each is lost beside 1 once e^-A is below half a unit in the last place
    collapsed = {
        (A, dtype): read(A, dtype)["softmax_collapse_fraction"]
        for A, dtype in [
            (15.0, torch.float32),
            (20.0, torch.float32),
            (30.0, torch.float64),
            (40.0, torch.float64),
        ]
    }
    assert list(collapsed.values()) == [0.0, 1.0, 0.0, 1.0]
    assert read(20.0, torch.float64)["softmax_collapse_fraction_float32"] == 1.0


def test_scaling_up_a_lookup_table_is_what_descent_does():
    task = parse_task("a+b mod 7").build()
    split = parse_split("nanda2023:0:0.5").split(task)
    context = Context(lookup_network(task), task, split)
    found = measure(context, ["naive_loss_minimisation_cosine"])["naive_loss_minimisation_cosine"]
    # each trained row of W_U: gradient (1-p) on its answer and -p/6 on six others, weight on the answer alone
    expected = math.sqrt(len(split.train) / 49) * math.sqrt(6 / 7)
    assert found["W_U"] == pytest.approx(expected, rel=1e-6)


def test_train_fit_never_sees_a_held_out_logit(context_of, replaced):
    context = context_of("a+b mod 13", key_frequencies=[2, 5])
    noisy = context.logits_with_equals.clone()
    noise = torch.randn(noisy.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noisy[context.inputs.test] += 100 * noise[context.inputs.test]
    fitted = ["excluded_loss_train_fit", "excluded_loss_all_keys_train_fit", "train_loss"]
    leaking = ["excluded_loss", "excluded_loss_all_keys"]
    before, after = (measure(c, [*fitted, *leaking]) for c in (context, replaced(context, logits=noisy)))
    assert {name: before[name] for name in fitted} == {name: after[name] for name in fitted}
    assert all(before[name] != after[name] for name in leaking)


def test_relabelling_the_residues_permutes_the_frequencies(context_of):
    """N'(a, b)[c] = N(ua, ub)[uc] does to frequency uk what N does to k."""
    p, unit = 13, 5
    context = context_of(f"a+b mod {p}", split="all")
    relabel = torch.cat([torch.arange(p) * unit % p, torch.tensor([p])])
    weights = context.model.state_dict()
    weights["embed.W_E"] = weights["embed.W_E"][relabel]
    weights["unembed.W_U"] = weights["unembed.W_U"][:, relabel]
    names = ["loss", "excluded_loss", "logit_cosine_coefficients", "fourier_norm_W_E", "fourier_norm_W_L"]
    relabelled = context.at(model_from_parameters(context.model.config, context.model.shape, weights))
    before, after = measure(context, names), measure(relabelled, names)
    assert after["loss"] == pytest.approx(before["loss"], rel=1e-12)
    for name in names[1:]:
        for k, value in before[name].items():
            moved = min(unit * k % p, -unit * k % p)
            assert after[name][moved] == pytest.approx(value, rel=1e-9), (name, k)


def test_restricted_and_excluded_loss_count_a_repeated_answer_as_often_as_it_occurs(clock):
    rows = clock.inputs.train[:100].numpy()
    fewer = Context(clock.model, clock.task, Split(rows[:50], rows[50:]), KEYS)
    assert measure(fewer, ["restricted_loss_train"])["restricted_loss_train"] == pytest.approx(
        paper_loss(P, dict(zip(KEYS, AMPLITUDES, strict=True))), rel=1e-9
    )


def test_the_analytic_quadratic_network_spreads_over_all_frequencies():
    task = parse_task("a+b mod 23").build()
    context = Context(gromov_network(23, 2200), task, parse_split("all").split(task))
    found = measure(
        context, ["accuracy", "key_frequencies", "key_frequencies_neuron_argmax", "neuron_frequency_fraction"]
    )
    assert found["accuracy"] == 1.0
    assert found["neuron_frequency_fraction"] == pytest.approx(0.8, rel=1e-10)
    assert found["key_frequencies"] == []
    assert found["key_frequencies_neuron_argmax"] == list(range(1, 12))
