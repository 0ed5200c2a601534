"""Measures of heads and of losses along a sequence, on networks whose answers are known on paper."""

import math

import numpy as np
import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.measures.sequences.composition import (
    composition,
    full_OV,
    full_QK,
    random_composition,
    virtual_head_matrix,
)
from phasescope.measures.sequences.heads import (
    attention_entropy,
    attention_score,
    copying_score,
    duplicate_token,
    induction,
    previous_token,
    repeated_tokens,
)
from phasescope.measures.sequences.losses import in_context_learning_score, loss_by, losses
from phasescope.models.build import build_model, model_from_parameters
from phasescope.models.config import Shape, TransformerConfig
from phasescope.models.handmade_heads import induction_pair, smeared_induction, virtual_head
from phasescope.streams import stream_of
from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.predecessor import PredecessorTask
from phasescope.tasks.repeats import RepeatTask
from phasescope.tasks.sequences import Sequences

VOCAB, N_CTX = 26, 30


@pytest.fixture(scope="module")
def pair():
    return induction_pair(VOCAB, N_CTX)


@pytest.fixture(scope="module")
def untrained():
    config = TransformerConfig(n_layers=2, d_model=32, n_heads=2, d_head=16, d_mlp=0, output="answers")
    return build_model(config, Shape(d_vocab=VOCAB, d_vocab_out=VOCAB, n_ctx=N_CTX), seed=0)


def test_masks_are_those_of_a_loop():
    tokens = torch.randint(4, (5, 9), generator=torch.Generator().manual_seed(0))
    masks = previous_token(tokens), duplicate_token(tokens), induction(tokens)
    for row in range(5):
        for query in range(9):
            for key in range(9):
                same = tokens[row, key] == tokens[row, query]
                follows = 0 < key <= query and tokens[row, key - 1] == tokens[row, query]
                expected = key == query - 1, bool(same and key < query), bool(follows)
                assert tuple(bool(mask[row, query, key]) for mask in masks) == expected


@pytest.mark.parametrize("length", [5, 8, 13])
def test_the_induction_pair_scores_what_it_should_at_every_offset(pair, length):
    tokens = repeated_tokens(VOCAB, N_CTX, length)
    assert attention_score(pair, tokens, previous_token)[0, 0] == pytest.approx(1, abs=1e-12)
    assert attention_score(pair, tokens, induction)[1, 0] == pytest.approx(1, abs=1e-12)
    assert attention_score(pair, tokens, induction)[0, 0] == 0
    assert attention_score(pair, tokens, duplicate_token)[1, 0] == 0
    assert attention_score(pair, tokens, previous_token)[1, 0] < 0.2


@pytest.mark.parametrize("length", [5, 8, 13])
def test_one_layer_with_smeared_keys_is_an_induction_head(pair, length):
    tokens = repeated_tokens(VOCAB, N_CTX, length)
    one = smeared_induction(VOCAB, N_CTX)
    assert attention_score(one, tokens, induction)[0, 0] == pytest.approx(1, abs=1e-12)
    assert torch.equal(one(tokens)[:, length:].argmax(-1), pair(tokens)[:, length:].argmax(-1))
    unsmeared = model_from_parameters(
        one.config, one.shape, one.state_dict() | {"blocks.0.attn.smear": torch.full((1,), 1e4).double()}
    )
    assert attention_score(unsmeared, tokens, duplicate_token)[0, 0] > 0.4, "a duplicate-token head without"


def test_an_untrained_network_has_no_heads_of_these_kinds(untrained):
    tokens = repeated_tokens(VOCAB, N_CTX, 8)
    for where in (previous_token, duplicate_token, induction):
        assert max(attention_score(untrained, tokens, where).values()) < 0.35
    assert max(copying_score(untrained).values()) < 0.5


def test_a_head_at_a_fixed_offset_is_told_by_other_lengths():
    """The trap of the fixed offset: one layer that looks 7 back scores at length 8, and at no other."""
    pair = induction_pair(VOCAB, N_CTX)
    weights = {name: weight.clone() for name, weight in pair.state_dict().items()}
    back = torch.diag(torch.ones(N_CTX - 7, dtype=torch.float64), -7)
    place = slice(3 * VOCAB, 3 * VOCAB + N_CTX)
    weights["blocks.0.attn.W_Q"][0, place, :N_CTX] = 1e4 * back
    fixed = model_from_parameters(pair.config, pair.shape, weights)
    scores = {
        length: attention_score(fixed, repeated_tokens(VOCAB, N_CTX, length), induction)[0, 0]
        for length in (6, 8, 11)
    }
    assert scores[8] == pytest.approx(1)
    assert max(scores[6], scores[11]) < 0.2


def test_copying_and_its_opposite(pair):
    # 25 tokens that come once, and five again: it attends evenly to t tokens at place t, or to the one match
    shares = [1.0, *(1 / t for t in range(1, 25)), *[1.0] * 5]
    assert copying_score(pair)[1, 0] == pytest.approx(4 * np.mean(shares) - 1)
    weights = {name: weight.clone() for name, weight in pair.state_dict().items()}
    weights["unembed.W_U"] *= -1
    against = model_from_parameters(pair.config, pair.shape, weights)
    assert copying_score(against)[1, 0] == pytest.approx(-1)


def test_composition_is_in_the_path_that_carries_it(pair):
    by_key = {through: composition(pair, (0, 0), (1, 0), through) for through in ("Q", "K", "V")}
    assert by_key["Q"] == by_key["V"] == 0
    assert by_key["K"] == pytest.approx((VOCAB + 4 * N_CTX) ** -0.5)
    head = virtual_head(10, 16)
    by_value = {through: composition(head, (0, 0), (1, 0), through) for through in ("Q", "K", "V")}
    assert by_value["Q"] == by_value["K"] == 0
    assert by_value["V"] == pytest.approx(1 / math.sqrt(10))  # |I I| / (|I| |I|) for a copy of ten digits
    with pytest.raises(PhasescopeError, match="earlier layer first"):
        composition(pair, (1, 0), (0, 0), "K")


def test_random_heads_compose_as_random_heads(untrained):
    expected = random_composition(32, 16)
    for through in ("Q", "K", "V"):
        assert composition(untrained, (0, 0), (1, 1), through) == pytest.approx(expected, rel=0.2)


def test_matrices_are_what_the_network_does(untrained):
    model = untrained.double()
    W_E, W_U = model.W_E, model.W_U
    w = dict(model.named_parameters())
    first = w["blocks.0.attn.W_V"][1] @ w["blocks.0.attn.W_O"][1]
    second = w["blocks.1.attn.W_V"][0] @ w["blocks.1.attn.W_O"][0]
    torch.testing.assert_close(full_OV(model, (0, 1)), W_E @ first @ W_U)
    torch.testing.assert_close(virtual_head_matrix(model, (0, 1), (1, 0)), W_E @ first @ second @ W_U)
    q, k = (W_E @ w[f"blocks.0.attn.W_{part}"][1] for part in "QK")
    torch.testing.assert_close(full_QK(model, (0, 1)), q @ k.T / 4)


def test_entropy_of_even_and_of_sharp_attention(pair):
    tokens = repeated_tokens(VOCAB, N_CTX, 10)
    assert attention_entropy(pair, tokens)[0, 0] == pytest.approx(0, abs=1e-9)
    blank = {name: torch.zeros_like(weight) for name, weight in pair.state_dict().items()}
    even = model_from_parameters(pair.config, pair.shape, blank)
    expected = np.mean([math.log(n) for n in range(1, N_CTX + 1)])
    assert attention_entropy(even, tokens)[0, 0] == pytest.approx(expected)


def test_the_induction_pair_solves_repeats_of_any_length():
    some = RepeatTask(vocab=64, n_ctx=30).build().draw(stream_of("test", 0), 200)
    found = losses(induction_pair(64, 30), some)
    # a token that comes twice in a block has two continuations; that is all it can be wrong about
    assert found.nanmedian() < 1e-6
    unique = torch.tensor([len(set(row[:offset])) == offset for row, offset in _blocks(some)])
    assert unique.sum() > 20
    assert found[unique].nan_to_num(0).max() < 1e-6


def _blocks(some):
    both = zip(some.tokens, some.notes["offset"], strict=True)
    return [(row.tolist(), int(offset.max())) for row, offset in both]


def test_two_layers_by_hand_name_the_predecessor_and_one_head_alone_does_not():
    task = PredecessorTask().build()
    some = task.draw(stream_of("test", 0), 500)
    model, answers = virtual_head(10, 16), torch.from_numpy(some.targets[:, -1])
    tokens = torch.from_numpy(some.tokens)

    def accuracy():
        return (model.answer_logits(tokens).argmax(-1) == answers).double().mean().item()

    assert accuracy() == 1.0
    assert virtual_head_matrix(model, (0, 0), (1, 0))[:10].argmax(1).tolist() == list(range(10))
    for layer in (0, 1):
        with model.hooks({f"blocks.{layer}.attn_out": torch.zeros_like}):
            assert accuracy() < 0.2


def test_one_layer_cannot_tell_which_digit_the_marker_follows():
    """What a query reads in one layer is a sum over positions, so four inputs hang together.

    Two markers' places with two arrangements of the digits before them: for one head the numerator and the
    denominator of its output are sums of terms of single positions. Over the two inputs with the marker at
    place 5 and the two with it at 9, the difference between arrangements is then the same up to a factor that
    does not depend on the arrangement, though the right answers change for one place and not for the other.
    """
    config = TransformerConfig(n_layers=1, d_model=12, n_heads=1, d_head=6, d_mlp=0, output="answers")
    for seed in range(5):
        shape = Shape(d_vocab=12, d_vocab_out=10, n_ctx=16)
        model = build_model(config, shape, seed=seed, dtype=torch.float64)
        tokens = torch.full((4, 16), 3)
        tokens[:, -1] = 11
        tokens[:2, 5], tokens[2:, 9] = 10, 10  # the marker; place 4 holds 1 or 2 in each pair
        tokens[:, 4] = torch.tensor([1, 2, 1, 2])
        _, cache = model.run_with_cache(tokens, ["blocks.0.attn.scores", "blocks.0.attn.z"])
        mass = cache["blocks.0.attn.scores"][:, 0, -1].exp().sum(-1, keepdim=True)
        numerator = cache["blocks.0.attn.z"][:, -1, 0] * mass
        torch.testing.assert_close(numerator[0] - numerator[1], numerator[2] - numerator[3])


def test_losses_by_note_are_means_of_their_positions():
    some = AdditionTask(digits=3).build().draw(stream_of("test", 0), 100)
    config = TransformerConfig(d_model=16, n_heads=2, d_head=8, d_mlp=8, output="answers")
    model = build_model(config, Shape(d_vocab=12, d_vocab_out=10, n_ctx=12), seed=0)
    found = losses(model, some)
    assert found.isnan().sum() == 100 * 8
    by_digit = loss_by(model, some, "digit")
    assert list(by_digit) == [0, 1, 2, 3]
    assert by_digit[2] == pytest.approx(found[:, 9].mean().item())
    by_carry = loss_by(model, some, "carry_in")
    weights = [(some.notes["carry_in"] == carry).sum() for carry in (0, 1)]
    assert np.average(list(by_carry.values()), weights=weights) == pytest.approx(found.nanmean().item())
    with pytest.raises(PhasescopeError, match="have the notes digit, carry_in, chain, sum9; got digits"):
        loss_by(model, some, "digits")


def test_the_context_helps_the_pair_and_not_an_untrained_network(pair, untrained):
    tokens = repeated_tokens(VOCAB, N_CTX, 10, n=50)
    targets = torch.cat([tokens[:, 1:], torch.full((50, 1), -1)], dim=1)
    asked = Sequences(tokens.numpy(), targets.numpy(), {})
    assert in_context_learning_score(pair, asked, late=(20, 29), early=(2, 8)) < -3
    assert abs(in_context_learning_score(untrained, asked, late=(20, 29), early=(2, 8))) < 0.3
    with pytest.raises(PhasescopeError, match="needs answers"):
        in_context_learning_score(pair, asked, late=(29, 30), early=(2, 8))


def test_what_cannot_be_scored_is_refused(pair):
    tokens = torch.arange(30)[None] % 26
    with pytest.raises(PhasescopeError, match="have none"):
        attention_score(pair, tokens, lambda tokens: duplicate_token(tokens) & False)
    with pytest.raises(PhasescopeError, match="repeated block"):
        repeated_tokens(5, 10, 6)
    with pytest.raises(PhasescopeError, match="logit for each"):
        copying_score(virtual_head(10, 16))
