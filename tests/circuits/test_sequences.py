"""Circuits along sequences, on networks written by hand: shown where they are, refuted where they are not."""

import itertools
import math

import numpy as np
import pytest
import torch

from phasescope.circuits.sequences.ablation import Part, without
from phasescope.circuits.sequences.context import SequenceContext
from phasescope.circuits.sequences.effects import EVERY, classes_of, neuron_effects, part_effects
from phasescope.circuits.sequences.induction import HYPOTHESIS as INDUCTION
from phasescope.circuits.sequences.induction import block_lengths, repeated
from phasescope.circuits.sequences.known import weigh_circuits
from phasescope.circuits.sequences.over_training import PartsOverTraining, appearances, parts_over_training
from phasescope.circuits.sequences.patching import patched, twins
from phasescope.circuits.sequences.paths import by_layers, path_logits
from phasescope.circuits.sequences.virtual import HYPOTHESIS as VIRTUAL
from phasescope.errors import PhasescopeError
from phasescope.models.build import build_model, model_from_parameters
from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.handmade import CERTAIN
from phasescope.models.handmade_heads import digit_adder, induction_pair, virtual_head
from phasescope.streams import stream_of
from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.predecessor import PredecessorTask
from phasescope.tasks.sequences import Sequences
from phasescope.training.sequence_presets import predecessor, repeats
from phasescope.training.trainer import Trainer

VOCAB, N_CTX = 26, 30
ATTENTION = TransformerConfig(n_layers=2, d_model=16, n_heads=2, d_head=8, d_mlp=0, output="answers")


def random_network(seed=0, vocab=VOCAB, n_ctx=N_CTX, answers=None, **options):
    shape = Shape(d_vocab=vocab, d_vocab_out=answers or vocab, n_ctx=n_ctx)
    return build_model(ATTENTION.model_copy(update=options), shape, seed=seed)


def changed(model, **weights):
    """The same network with some weights changed by functions."""
    new = {name: weight.clone() for name, weight in model.state_dict().items()}
    for name, change in weights.items():
        full = name.replace("__", ".")
        new[full] = change(new[full])
    return model_from_parameters(model.config, model.shape, new)


def asked(model, n=300):
    return SequenceContext(model, PredecessorTask().build().draw(stream_of("test", 0), n))


def findings(judgement):
    return {finding.name: finding for finding in judgement.findings}


def test_the_induction_pair_is_shown_and_each_number_is_the_one_on_paper():
    found = INDUCTION.judge(repeated(induction_pair(VOCAB, N_CTX)))
    assert found.verdict == "shown", found.sentence
    value = {name: finding.value for name, finding in findings(found).items()}
    assert value["a_head_looks_at_what_followed"] == pytest.approx(1)
    assert value["a_head_looks_one_back"] == pytest.approx(1)
    assert value["they_act_by_the_pattern_of_the_others"] == pytest.approx(0, abs=1e-9)
    assert value["composed_through_keys"] == pytest.approx((VOCAB + 4 * N_CTX) ** -0.5)
    assert value["these_heads_suffice"] == pytest.approx(1)


def _deaf(model):
    """Head 1.0 does not read what head 0.0 wrote: everything else is as it was."""
    before = slice(VOCAB, 2 * VOCAB)

    def cut(W_K):
        W_K[0, before] = 0
        return W_K

    return changed(model, blocks__1__attn__W_K=cut)


def _fixed_offset(model):
    """Head 1.0 looks nine back wherever it is; on one length of block it seems an induction head."""
    place = slice(3 * VOCAB, 3 * VOCAB + N_CTX)

    def query(W_Q):
        W_Q.zero_()
        back = torch.diag(torch.ones(N_CTX - 9, dtype=torch.float64), -9)
        W_Q[0, place, :N_CTX] = CERTAIN * math.sqrt(W_Q.shape[2]) * back
        return W_Q

    def key(W_K):
        W_K.zero_()
        W_K[0, place, :N_CTX] = torch.eye(N_CTX, dtype=torch.float64)
        return W_K

    return changed(model, blocks__1__attn__W_Q=query, blocks__1__attn__W_K=key)


@pytest.mark.parametrize(
    ("make", "fails"),
    [
        (lambda: random_network(0), "a_head_looks_at_what_followed"),
        (lambda: random_network(1, n_heads=4, d_head=4), "continues_repeated_tokens"),
        (lambda: random_network(0, n_layers=1), "a_head_looks_at_what_followed"),
        (lambda: _deaf(induction_pair(VOCAB, N_CTX)), "a_head_looks_at_what_followed"),
        (lambda: _fixed_offset(induction_pair(VOCAB, N_CTX)), "a_head_looks_at_what_followed"),
        (
            lambda: changed(induction_pair(VOCAB, N_CTX), unembed__W_U=lambda W_U: -W_U),
            "continues_repeated_tokens",
        ),
    ],
    ids=["random", "random, four heads", "one layer", "deaf", "fixed offset", "against"],
)
def test_what_is_no_induction_circuit_is_refuted_for_the_right_reason(make, fails):
    found = INDUCTION.judge(repeated(make()))
    assert found.verdict == "refuted"
    assert findings(found)[fails].supports is False


def test_the_fixed_offset_fits_one_length_and_is_not_taken_in():
    """The decoy passes at a block of ten tokens: only because three lengths are asked is it found out."""
    assert block_lengths(N_CTX, VOCAB) == (7, 10, 12)
    found = findings(INDUCTION.judge(repeated(_fixed_offset(induction_pair(VOCAB, N_CTX)))))
    assert found["a_head_looks_at_what_followed"].value < 0.2
    assert found["continues_repeated_tokens"].value < 0.25


def test_holding_patterns_tells_composition_through_keys_from_that_through_values():
    """The same ablation of head 0.0: harmless to induction with patterns held, fatal to a virtual head."""
    pair, virtual = repeated(induction_pair(VOCAB, N_CTX)), asked(virtual_head(10, 16))
    first = [Part(0, 0)]
    assert pair.accuracy(without(pair, first)) < 0.5
    torch.testing.assert_close(without(pair, first, hold=pair.heads), pair.logits)
    assert virtual.accuracy(without(virtual, first, hold=virtual.heads)) < 0.2


def test_an_ablation_that_takes_nothing_changes_nothing_and_zeros_are_those_of_a_hook():
    context = asked(random_network(2, vocab=12, n_ctx=16, answers=10))
    torch.testing.assert_close(without(context, [], hold=context.heads), context.logits)
    both = [Part(0, 0), Part(0, 1)]
    with torch.no_grad(), context.model.hooks({"blocks.0.attn_out": torch.zeros_like}):
        expected = context.model(context.tokens)[context.asked]
    torch.testing.assert_close(without(context, both, "zero"), expected)
    with pytest.raises(PhasescopeError, match=r"has head 0\.0, head 0\.1, head 1\.0, head 1\.1; got MLP 0"):
        without(context, [Part(0)])


@pytest.mark.parametrize("positions", ["learned", "rotary", "shortformer"])
def test_paths_add_up_to_the_logits(positions):
    options = {"n_layers": 3, "positions": positions, "unembed_bias": True}
    context = asked(random_network(3, vocab=12, n_ctx=16, answers=10, **options), n=20)
    paths = path_logits(context)
    assert len(paths) == 27  # (1 + 2 heads) for each of three layers
    torch.testing.assert_close(torch.stack([*paths.values()]).sum(0), context.logits)
    groups = by_layers(paths)
    assert set(groups) == {
        layers for length in range(4) for layers in itertools.combinations(range(3), length)
    }
    torch.testing.assert_close(torch.stack([*groups.values()]).sum(0), context.logits)


def test_paths_need_a_network_that_is_linear_in_them():
    with pytest.raises(PhasescopeError, match="paths need attention alone"):
        path_logits(asked(random_network(vocab=12, n_ctx=16, answers=10, d_mlp=4), n=5))


def test_the_virtual_head_is_shown_and_what_is_none_is_refuted():
    found = VIRTUAL.judge(asked(virtual_head(10, 16)))
    assert found.verdict == "shown", found.sentence
    value = {name: finding.value for name, finding in findings(found).items()}
    assert value["the_path_suffices"] == value["the_virtual_head_copies"] == 1
    assert abs(value["the_path_is_needed"]) < 0.1
    assert value["composed_through_values"] == pytest.approx(1 / math.sqrt(10))
    for seed in (0, 1):
        context = asked(random_network(seed, vocab=12, n_ctx=16, answers=10))
        assert weigh_circuits(context)["virtual head"].verdict == "refuted"
    # the induction pair answers by one head that was told where to look: no virtual head
    judged = VIRTUAL.judge(repeated(induction_pair(VOCAB, N_CTX)))
    assert judged.verdict == "refuted"
    assert findings(judged)["the_path_suffices"].supports is False


def test_hypotheses_speak_of_what_they_can():
    one_layer = asked(random_network(n_layers=1, vocab=12, n_ctx=16, answers=10), n=20)
    assert weigh_circuits(one_layer) == {}
    with_mlp = repeated(random_network(d_mlp=8))
    assert set(weigh_circuits(with_mlp)) == {"induction"}


# addition: known answers by construction of the examples, and oracles


@pytest.fixture(scope="module")
def sums():
    config = TransformerConfig(d_model=16, n_heads=2, d_head=8, d_mlp=24, output="answers")
    model = build_model(config, Shape(d_vocab=12, d_vocab_out=10, n_ctx=12), seed=0)
    return SequenceContext(model, AdditionTask(digits=3).build().draw(stream_of("test", 0), 150))


def test_classes_are_those_of_the_notes(sums):
    digits = classes_of(sums, "digit")
    assert list(digits) == ["digit 0", "digit 1", "digit 2", "digit 3"]
    assert all(int(questions.sum()) == 150 for questions in digits.values())
    both = classes_of(sums, "digit", "carry_in")
    assert "digit 3, carry_in 1" not in both, "no carry comes into the units"
    assert sum(int(questions.sum()) for questions in both.values()) == 600
    assert list(classes_of(sums)) == [EVERY]
    with pytest.raises(PhasescopeError, match="have the notes digit"):
        classes_of(sums, "digits")


def test_a_note_of_many_values_is_cut_into_ranges_of_all_of_them():
    context = asked(virtual_head(10, 16), n=400)
    classes = classes_of(context, "distance")
    assert len(classes) == 4
    assert torch.stack([*classes.values()]).sum(0).eq(1).all()
    assert min(int(questions.sum()) for questions in classes.values()) > 50


def test_the_cost_of_a_part_is_loss_after_less_loss_before_class_by_class(sums):
    classes = classes_of(sums, "digit")
    effects = part_effects(sums, classes)
    assert effects.parts == ("head 0.0", "head 0.1", "MLP 0")
    with torch.no_grad():
        _, cache = sums.model.run_with_cache(sums.tokens, ["blocks.0.mlp_out"])
        mean = cache["blocks.0.mlp_out"].mean(0, keepdim=True)
        with sums.model.hooks({"blocks.0.mlp_out": lambda value: mean.expand_as(value).contiguous()}):
            after = sums.model(sums.tokens)[sums.asked]
    for column, questions in enumerate(classes.values()):
        expected = (sums.losses(after) - sums.losses(sums.logits))[questions].mean().item()
        assert effects.cost[2, column] == pytest.approx(expected)


@pytest.mark.parametrize("how", ["mean", "zero"])
def test_single_neurons_cost_what_a_hook_says(sums, how):
    classes = classes_of(sums, "digit", "carry_in")
    effects = neuron_effects(sums, classes, how=how)
    assert effects.cost.shape == (24, len(classes))
    for neuron in (0, 7, 23):

        def hook(post, neuron=neuron):
            post = post.clone()
            post[..., neuron] = post[..., neuron].mean(0) if how == "mean" else 0
            return post

        after = sums.losses(sums.with_hooks({"blocks.0.mlp.post": hook}))
        before = sums.losses(sums.logits)
        expected = [(after - before)[questions].mean().item() for questions in classes.values()]
        assert effects.cost[neuron] == pytest.approx(expected)


@pytest.mark.parametrize("digit", range(4))
def test_twins_differ_in_what_they_are_named_for(digit):
    task = AdditionTask(digits=3)
    at = 7 + digit
    if digit < 3:
        first, second = twins(task, digit, "carry", n=60)
        assert (first.notes["carry_in"][:, at] == 0).all()
        assert (second.notes["carry_in"][:, at] == 1).all()
        assert (first.tokens[:, :digit] == second.tokens[:, :digit]).all()
        assert (first.tokens[:, 4 : 4 + digit] == second.tokens[:, 4 : 4 + digit]).all()
        assert ((first.targets[:, at] + 1) % 10 == second.targets[:, at]).all()
    if digit:
        first, second = twins(task, digit, "column", n=60)
        assert (first.notes["carry_in"][:, at] == second.notes["carry_in"][:, at]).all()
        assert (first.targets[:, at] != second.targets[:, at]).all()
        others = [i for i in range(7) if i not in (digit - 1, 4 + digit - 1)]
        assert (first.tokens[:, others] == second.tokens[:, others]).all()
    wrong = ("carry", 3) if digit == 3 else ("column", 0)
    with pytest.raises(PhasescopeError, match=f"no {wrong[0]} comes into digit {wrong[1]} of 3"):
        twins(task, wrong[1], wrong[0])


def test_patching_moves_the_answer_through_the_part_that_holds_it():
    """One digit plus one digit, by hand: each head fetches an addend, the MLP knows the table.

    The column's digits reach the answer through both heads together, so the MLP alone brings the twin's; no
    single head can where both digits change the sum.
    """
    model = digit_adder()
    task = AdditionTask(digits=1)
    some = task.build().draw(stream_of("test", 0), 300)
    context = SequenceContext(model, some)
    assert context.accuracy(context.logits) == 1
    moved = patched(model, task, "column", n=300)
    share = dict(zip(moved.parts, moved.share[:, 0], strict=True))
    assert moved.n.tolist() == [300]
    assert share["MLP 0"] == 1
    assert max(share["head 0.0"], share["head 0.1"]) < 0.35
    # without one addend the units are a guess, and the carry is right for max(a, 10 - a) of ten partners
    effects = part_effects(context, classes_of(context, "digit"), quantity="accuracy")
    assert effects.cost[:2, 1] == pytest.approx([0.9, 0.9], abs=0.05)
    assert effects.cost[:2, 0] == pytest.approx([0.25, 0.25], abs=0.08)


class Growing:
    """A series in which the adder's MLP is switched on at step 30, and head 0.1 was on from the first."""

    def steps(self):
        return tuple(range(0, 80, 10))

    def model(self, step):
        on = float(step >= 30)
        return changed(digit_adder(), blocks__0__mlp__W_out=lambda W_out: on * W_out)


def test_a_part_appears_with_the_change_that_it_makes():
    some = AdditionTask(digits=1).build().draw(stream_of("test", 0), 100)
    over = parts_over_training(Growing(), some, "digit")
    assert over.accuracy[2].max() < 0.7
    assert over.accuracy[3].tolist() == [1, 1]
    found = {(one.name, one.part): one for one in appearances(over)}
    for digit in ("digit 0", "digit 1"):
        one = found[digit, "MLP 0"]
        assert (one.learnt.low, one.learnt.step) == (20, 30) == (one.appears.low, one.appears.step)
        assert one.together
    short = Growing()
    short.steps = lambda: (0, 10)
    with pytest.raises(PhasescopeError, match="need 3 checkpoints"):
        parts_over_training(short, some, "digit")


def test_a_part_that_comes_late_or_never_is_said_so():
    steps = np.arange(0, 100, 10)
    rises = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1, 1.0])
    late = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1.0])
    none = np.full(10, 0.05)
    over = PartsOverTraining(
        steps, ("A", "B", "C"), ("x",), rises[:, None], np.stack([rises, late, none], axis=1)[:, :, None]
    )
    found = {one.part: one for one in appearances(over)}
    assert set(found) == {"A", "B"}
    assert found["A"].together
    assert not found["B"].together
    assert found["B"].appears.step == 70


@pytest.mark.parametrize(
    ("model", "tokens", "says"),
    [
        (lambda: virtual_head(10, 16), np.zeros((1, 5), dtype=np.int64), "need 16 tokens below 12"),
        (lambda: virtual_head(10, 16), np.full((1, 16), 12), "up to 12"),
    ],
)
def test_examples_that_do_not_fit_are_refused(model, tokens, says):
    with pytest.raises(PhasescopeError, match=says):
        SequenceContext(model(), Sequences(tokens, tokens, {}))
    silent = Sequences(np.zeros((1, 16), dtype=np.int64), np.full((1, 16), -1), {})
    with pytest.raises(PhasescopeError, match="nothing is asked"):
        SequenceContext(virtual_head(10, 16), silent)


@pytest.mark.slow
def test_a_trained_network_answers_by_a_virtual_head():
    trainer = Trainer(predecessor(seed=0, steps=300))
    while trainer.step < 300:
        trainer.advance()
    context = asked(trainer.model, n=500)
    found = VIRTUAL.judge(context)
    assert found.verdict == "shown", found.sentence
    alone = by_layers(path_logits(context))[0, 1]
    assert context.accuracy(alone) > 0.98
    assert context.accuracy(context.logits - alone) < 0.35


@pytest.mark.slow
def test_a_trained_network_repeats_by_an_induction_circuit_whose_first_part_two_heads_share():
    """Neither of the two looks one back with half of its attention; what decides holds all the same."""
    trainer = Trainer(repeats(seed=1, steps=500))
    while trainer.step < 500:
        trainer.advance()
    found = findings(INDUCTION.judge(repeated(trainer.model)))
    assert all(finding.supports for finding in found.values() if finding.decisive)
    assert found["they_act_by_the_pattern_of_the_others"].value < 0.25
    assert found["these_heads_suffice"].value > 0.8
