"""The registry, and what is said of measures that do not apply."""

import json

import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.measures.measure import COSTLY, MEASURES, SERIES, left_out, measure
from phasescope.models.handmade import clock_transformer, lookup_network
from phasescope.models.handmade_groups import representation_network
from phasescope.models.max_margin import max_margin_adder
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import parse_split

PUBLIC_NAMES = [
    "train_loss",
    "test_loss",
    "loss",
    "train_accuracy",
    "test_accuracy",
    "accuracy",
    "key_frequencies",
    "key_frequencies_neuron_argmax",
    "key_frequencies_W_L",
    "key_frequencies_W_E",
    "key_frequencies_logit_cosine",
    "restricted_loss",
    "restricted_loss_train",
    "restricted_loss_no_bias",
    "excluded_loss",
    "excluded_loss_all_keys",
    "excluded_loss_train_fit",
    "excluded_loss_all_keys_train_fit",
    "excluded_loss_max",
    "excluded_loss_cube",
    "fourier_norm_W_E",
    "fourier_norm_W_L",
    "fourier_norm_W_U",
    "gini_W_E",
    "gini_W_L",
    "gini_W_U",
    "sum_squared_weights",
    "sum_squared_weights_per_tensor",
    "W_L_variance_explained",
    "W_L_residual",
    "W_L_rank",
    "W_L_effective_rank",
    "u_v_variance_explained",
    "u_v_coefficients",
    "neuron_frequency_fraction",
    "neurons_explained",
    "neuron_clusters",
    "dead_neurons",
    "logit_cosine_coefficients",
    "logit_cosine_similarity",
    "logit_variance_explained",
    "logit_fit_variance_explained",
    "attention_periodicity",
    "attention_frequency",
    "attention_to_equals",
    "gradient_symmetricity",
    "distance_irrelevance",
    "distance_irrelevance_runner_up",
    "circularity",
    "circle_accuracy",
    "circles_accuracy",
    "q_clock_variance_explained",
    "q_pizza_variance_explained",
    "q_pizza_folded_variance_explained",
    "margin_mean",
    "margin_min",
    "margin_max",
    "softmax_collapse_fraction",
    "softmax_collapse_fraction_float32",
    "naive_loss_minimisation_cosine",
    "last_layer_norm",
    "inverse_participation_ratio",
    "inverse_participation_ratio_W_E",
    "inverse_participation_ratio_W_L",
    "inverse_participation_ratio_percentiles",
    "pruned_low_train_accuracy",
    "pruned_low_test_accuracy",
    "pruned_high_train_accuracy",
    "pruned_high_test_accuracy",
    "normalised_margin",
    "normalised_margin_fraction",
    "representation_quality_index",
    "representation_quality_index_line",
    "representation_predicted_accuracy",
    "representation_effective_loss",
    "logit_efficiency",
    "logit_efficiency_generalising",
    "logit_efficiency_memorising",
    "trigonometric_logit_share",
    "weight_spectral_entropy",
    "weight_effective_rank",
    "embedding_effective_dimension",
    "neuron_spectral_entropy",
    "tangent_kernel_alignment",
    "tangent_kernel_distance",
    "irrep_logit_coefficients",
    "irrep_logit_similarity",
    "key_irreps",
    "irrep_logits_explained",
    "irrep_share_left",
    "irrep_share_right",
    "irrep_share_unembedding",
    "irrep_variance_explained_left",
    "irrep_variance_explained_right",
    "irrep_variance_explained_unembedding",
    "irrep_share_neurons",
    "irrep_variance_explained_neurons",
    "irrep_variance_explained_neurons_product",
    "irrep_readout",
    "irrep_restricted_loss",
    "irrep_excluded_loss_all_keys",
    "irrep_restricted_loss_each",
    "irrep_excluded_loss",
    "coset_concentration_as_coded",
    "coset_concentrated_share_as_coded",
    "coset_concentration",
    "coset_order",
    "coset_concentrated_share",
    "local_learning_coefficient",
    "sharpness",
]

OF_MLPS_ONLY = {"inverse_participation_ratio", "normalised_margin", "normalised_margin_fraction"}
OF_COSETS = {name for name in PUBLIC_NAMES if name.startswith("coset_")}
OF_SERIES_ONLY = {"tangent_kernel_distance"}


def test_costly_measures_say_their_cost_and_are_read_by_name_only(context_of):
    assert set(COSTLY) == {
        "tangent_kernel_alignment",
        "tangent_kernel_distance",
        "local_learning_coefficient",
        "sharpness",
        "coset_concentrated_share",
    }
    assert not set(COSTLY) & set(SERIES)
    assert all(len(MEASURES[name].cost) > 20 for name in COSTLY)
    context = context_of("a+b mod 5")
    assert not set(measure(context)) & set(COSTLY)
    assert set(measure(context, ["sharpness"])) == {"sharpness"}


def test_names_are_those_that_are_published():
    assert list(MEASURES) == PUBLIC_NAMES


def test_every_measure_says_what_it_is():
    for name, record in MEASURES.items():
        assert record.name == name
        assert record.statement.endswith((".", ")")), name
        assert record.references
        assert record.per != "set" or not record.in_series
    assert {"restricted_loss", "excluded_loss", "gini_W_L", "sum_squared_weights"} <= set(SERIES)


def test_everything_applies_to_a_clock_and_is_plain_data(context_of):
    context = context_of("a+b mod 13", clock_transformer(13, [2, 5]))
    assert set(left_out(context)) == OF_MLPS_ONLY | OF_COSETS | OF_SERIES_ONLY
    context.reference = context_of("a+b mod 13")
    # the sampler of the learning coefficient takes half a minute, and has its own tests
    left = OF_MLPS_ONLY | OF_COSETS | {"local_learning_coefficient"}
    applicable = [name for name in PUBLIC_NAMES if name not in left]
    found = measure(context, applicable)
    assert list(found) == applicable
    assert list(measure(context)) == [name for name in applicable if name not in COSTLY]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("name", sorted({*PUBLIC_NAMES} - {"local_learning_coefficient"}))
def test_values_lie_in_the_stated_range(context_of, name):
    if name in OF_COSETS:
        task = parse_task("a*b in S3").build()
        context = context_of("a*b in S3", representation_network(task.group, ["(2,1)"], n_ctx=3))
    else:
        model = max_margin_adder(11) if name in OF_MLPS_ONLY else None
        context = context_of("a+b mod 11", model, key_frequencies=[2, 5])
        context.reference = context_of("a+b mod 11")
    value, (low, high) = measure(context, [name])[name], MEASURES[name].range
    numbers = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    assert all((low is None or x >= low - 1e-9) and (high is None or x <= high + 1e-9) for x in numbers)


@pytest.mark.parametrize(
    ("task", "left", "kept"),
    [
        (
            "a*b in S3",
            {"key_frequencies", "excluded_loss", "gini_W_E", "neurons_explained"},
            {"W_L_effective_rank"},
        ),
        ("a/b mod 7", {"neurons_explained", "restricted_loss"}, {"gini_W_E", "fourier_norm_W_U"}),
        (
            "a*b mod 7",
            {"excluded_loss", "logit_cosine_similarity"},
            {"neurons_explained", "attention_periodicity"},
        ),
    ],
)
def test_what_does_not_apply_is_left_out_with_a_reason(context_of, task, left, kept):
    context = context_of(task)
    reasons = left_out(context)
    assert left <= set(reasons)
    assert set(measure(context)) == set(PUBLIC_NAMES) - set(reasons) - set(COSTLY)
    assert kept <= set(PUBLIC_NAMES) - set(reasons)
    assert all(task in reason and "\n" not in reason and len(reason) < 300 for reason in reasons.values())


def test_a_network_without_attention(context_of):
    task = parse_task("a+b mod 7").build()
    reasons = left_out(context_of("a+b mod 7", lookup_network(task)))
    assert {"attention_periodicity", "attention_frequency", "attention_to_equals"} <= set(reasons)
    with pytest.raises(PhasescopeError, match="attention_frequency needs attention; got an embedding_mlp on"):
        measure(context_of("a+b mod 7", lookup_network(task)), ["attention_frequency"])


def test_before_there_is_structure_keys_have_to_be_given(context_of):
    context = context_of("a+b mod 13")
    assert "key frequencies" in left_out(context)["restricted_loss"]
    with pytest.raises(PhasescopeError, match="restricted_loss needs key frequencies"):
        measure(context, ["restricted_loss"])


def test_a_split_without_held_out_pairs_has_no_test_loss(context_of):
    context = context_of("a+b mod 7", split="all")
    assert set(left_out(context, ["train_loss", "test_loss", "test_accuracy"])) == {
        "test_loss",
        "test_accuracy",
    }


def test_one_name_may_be_given_alone(context_of):
    context = context_of("a+b mod 7")
    assert measure(context, "loss") == measure(context, ["loss"])


def test_an_unknown_name_is_answered_with_near_ones(context_of):
    with pytest.raises(
        PhasescopeError, match=r"there is no measure 'restricted_los'; did you mean restricted_loss"
    ):
        measure(context_of("a+b mod 7"), ["restricted_los"])


def test_a_model_of_another_task_is_refused():
    task = parse_task("a+b mod 11").build()
    with pytest.raises(PhasescopeError, match=r"a.b mod 11 needs a model with 3 positions, 12 tokens in"):
        Context(clock_transformer(13, [2]), task, parse_split("all").split(task))


def test_a_key_that_is_no_frequency_is_refused(context_of):
    with pytest.raises(PhasescopeError, match=r"lies in 1..6; got 7"):
        context_of("a+b mod 13", key_frequencies=[7])


def test_weights_are_taken_to_float64_before_anything_is_computed(context_of):
    context = context_of("a+b mod 13", clock_transformer(13, [2, 5]).float())
    assert context.logits.dtype == context.W_L.dtype == context.W_E.dtype == torch.float64
    again = context.W_L - (context.weights["blocks.0.mlp.W_out"] @ context.weights["unembed.W_U"]).T[:13]
    assert again.abs().max() == 0
    assert all(w.dtype == torch.float32 for w in context.model.parameters())
