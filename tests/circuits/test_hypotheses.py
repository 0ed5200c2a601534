"""Hypotheses on networks whose algorithm is known: shown where they are true, refuted where they are not."""

import dataclasses
import json
import re

import numpy as np
import pytest
import torch

from phasescope.algebra.fourier import frequencies
from phasescope.circuits.hypothesis import Criterion, Hypothesis
from phasescope.circuits.known_hypotheses import HYPOTHESES, weigh_hypotheses
from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.models.build import model_from_parameters
from phasescope.models.checkpoint_file import load_checkpoint_file
from phasescope.models.handmade import (
    clock_transformer,
    gromov_network,
    lookup_network,
    pizza_transformer,
    random_network,
)
from phasescope.tasks.config import ModularTask
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import parse_split

MODULI = (7, 53, 59, 97, 113)


def context_of(model, task, split="all", keys=None):
    return Context(model, task, parse_split(split).split(task), keys)


def adding(p, layout="a b ="):
    return ModularTask(p=p, layout=layout).build()


def verdicts(context):
    return {name: found.verdict for name, found in weigh_hypotheses(context).items()}


ONLY_CLOCK = {"clock": "shown", "lookup": "refuted", "pizza": "refuted"}
ONLY_PIZZA = {"clock": "refuted", "lookup": "refuted", "pizza": "shown"}
ONLY_LOOKUP = {"clock": "refuted", "lookup": "shown", "pizza": "refuted"}
NOTHING = {"clock": "refuted", "lookup": "refuted", "pizza": "refuted"}


def assert_is_clock(p, keys):
    context = context_of(clock_transformer(p, keys), adding(p))
    found = weigh_hypotheses(context, "clock")["clock"]
    assert (found.verdict, found.keys) == ("shown", tuple(keys)), found.sentence
    return context


@pytest.mark.parametrize(
    ("p", "k"),
    [(7, k) for k in frequencies(7)]
    + [(p, k) for p in MODULI[1:] for k in (1, 2, p // 3, p // 2 - 1, p // 2)],
)
def test_a_clock_is_found_with_its_exact_key(p, k):
    assert_is_clock(p, [k])


@pytest.mark.slow
@pytest.mark.parametrize("p", MODULI)
def test_a_clock_is_found_with_its_exact_key_for_every_frequency(p):
    for k in frequencies(p):
        assert_is_clock(p, [k])


@pytest.mark.parametrize("p", MODULI)
def test_a_clock_of_several_keys_is_found_with_its_exact_set_and_is_nothing_else(p):
    generator = np.random.default_rng(p)
    keys = sorted(int(k) + 1 for k in generator.choice(p // 2, size=min(3, p // 2), replace=False))
    assert verdicts(assert_is_clock(p, keys)) == ONLY_CLOCK


@pytest.mark.parametrize("p", [9, 15, 51])
def test_a_clock_of_an_odd_modulus_that_is_not_prime(p):
    assert verdicts(assert_is_clock(p, [1, 4])) == ONLY_CLOCK


def test_a_clock_that_subtracts():
    task = ModularTask(operation="a-b", p=29).build()
    clock = clock_transformer(29, [3, 11])
    weights = clock.state_dict()
    conjugate = torch.diag(torch.tensor([1.0, -1.0] * 2)).double()  # sin(w b) becomes -sin(w b)
    weights["blocks.0.attn.W_V"][1] = weights["blocks.0.attn.W_V"][1] @ conjugate
    turned = model_from_parameters(clock.config, clock.shape, weights)
    context = context_of(turned, task)
    assert weigh_hypotheses(context, "clock")["clock"].keys == (3, 11)
    assert verdicts(context) == ONLY_CLOCK


@pytest.mark.parametrize(("p", "keys"), [(13, [2, 5, 6]), (59, [3]), (59, [3, 15, 17]), (113, [14, 35, 56])])
def test_a_pizza_is_found_with_its_exact_keys(p, keys):
    context = context_of(pizza_transformer(p, keys), adding(p, "a b"))
    assert verdicts(context) == ONLY_PIZZA
    assert weigh_hypotheses(context, ["pizza"])["pizza"].keys == tuple(keys)


def test_the_authors_model_a_is_a_pizza(model_a):
    context = context_of(load_checkpoint_file(model_a).model, adding(59, "a b"))
    assert verdicts(context) == ONLY_PIZZA
    assert weigh_hypotheses(context)["pizza"].keys == (3, 15, 17)


@pytest.mark.parametrize("p", [11, 23])
def test_the_analytic_network_adds_on_every_circle(p):
    context = context_of(gromov_network(p, 200 * (p // 2)), adding(p))
    found = weigh_hypotheses(context)
    assert {name: one.verdict for name, one in found.items()} == ONLY_CLOCK
    assert found["clock"].keys == tuple(frequencies(p))


@pytest.mark.parametrize("p", [7, 53, 59])
def test_a_whole_table_is_a_lookup_and_no_clock(p):
    assert verdicts(context_of(lookup_network(adding(p)), adding(p))) == ONLY_LOOKUP


@pytest.mark.parametrize("p", [7, 53, pytest.param(97, marks=pytest.mark.slow)])
def test_a_table_of_the_training_pairs_is_a_lookup_and_no_clock(p):
    task = adding(p)
    rows = parse_split("nanda2023:0:0.3").split(task).train
    assert verdicts(context_of(lookup_network(task, rows=rows), task, "nanda2023:0:0.3")) == ONLY_LOOKUP


def test_a_table_that_knows_pairs_it_was_never_shown_is_no_table():
    context = context_of(lookup_network(adding(13)), adding(13), "nanda2023:0:0.3")
    found = weigh_hypotheses(context, "lookup")["lookup"]
    assert found.verdict == "refuted"
    assert "held out" in found.sentence


@pytest.mark.parametrize("task", ["a*b in S3", "a+b mod 13, random labels 1", "a/b mod 7"])
def test_lookup_needs_no_circle(task):
    built = parse_task(task).build()
    found = weigh_hypotheses(context_of(lookup_network(built), built))
    assert found["lookup"].verdict == "shown"
    assert set(found) >= ({"clock", "pizza"} if "mod" in task else {"representation", "coset"})
    assert {one.verdict for name, one in found.items() if name != "lookup"} <= {"not shown", "refuted"}


@pytest.mark.parametrize("p", MODULI)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_random_network_is_nothing(p, seed):
    assert verdicts(context_of(random_network(p, seed), adding(p), "nanda2023:0:0.3")) == NOTHING


def test_a_clock_with_a_wrong_key_given_is_not_a_clock_of_that_key():
    found = weigh_hypotheses(context_of(clock_transformer(53, [3]), adding(53), keys=[4]), "clock")["clock"]
    assert found.verdict == "refuted"
    assert {f.name for f in found.findings if f.supports is False and f.decisive} == {
        "logits_are_cosines",
        "keys_are_needed",
    }


def test_records_are_plain_data_and_read_as_sentences():
    for model, layout in ((clock_transformer(13, [2]), "a b ="), (pizza_transformer(13, [2, 5]), "a b")):
        for name, found in weigh_hypotheses(context_of(model, adding(13, layout))).items():
            assert found.hypothesis == name
            json.dumps(dataclasses.asdict(found), allow_nan=False)
            assert found.sentence.startswith(f"{name}: {found.verdict}; ")
            assert len(found.findings) == len(HYPOTHESES[name].criteria)
            for finding in found.findings:
                assert re.fullmatch(r"[A-Z].*\.", finding.sentence)
                assert "{" not in finding.sentence
                assert (finding.value is None) == (finding.supports is None)


def test_every_hypothesis_states_its_thresholds_and_their_reasons():
    assert list(HYPOTHESES) == ["clock", "coset", "lookup", "pizza", "representation"]
    for hypothesis in HYPOTHESES.values():
        names = [criterion.name for criterion in hypothesis.criteria]
        assert len(set(names)) == len(names)
        assert any(criterion.decisive for criterion in hypothesis.criteria)
        assert all(len(criterion.reason) > 20 for criterion in hypothesis.criteria)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([(1.0, True), (1.0, False)], "shown"),
        ([(0.0, True), (1.0, False)], "refuted"),
        ([(1.0, True), (0.0, False)], "not shown"),
        ([(float("nan"), True), (1.0, False)], "not shown"),
        ([(1.0, True), (float("nan"), False)], "shown"),
        ([(float("nan"), True), (float("nan"), False)], "not shown"),
    ],
)
def test_the_verdict_follows_from_the_findings(values, verdict):
    criteria = tuple(
        Criterion(
            f"c{i}", "q", "at least", 0.5, "r", "For {value}.", "Against {value}.", lambda _, v=value: v,
            decisive=decisive,
        )
        for i, (value, decisive) in enumerate(values)
    )  # fmt: skip
    hypothesis = Hypothesis("h", "s", ("r",), criteria, lambda context: ())
    assert hypothesis.judge(context_of(clock_transformer(7, [1]), adding(7))).verdict == verdict


def test_an_unknown_name_is_answered_in_one_line():
    with pytest.raises(PhasescopeError, match="there is no hypothesis 'clok'; did you mean clock"):
        weigh_hypotheses(context_of(clock_transformer(7, [1]), adding(7)), ["clok"])
