"""Sequence tasks: every answer and every note worked out a second time, one example at a time."""

import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from phasescope.errors import PhasescopeError
from phasescope.streams import stream_of
from phasescope.tasks.addition import AdditionTask
from phasescope.tasks.any_task import AnyTaskConfig
from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.tasks.markov import BigramTask, ToyLanguageTask, posterior_loss
from phasescope.tasks.parity import ParityTask
from phasescope.tasks.predecessor import PredecessorTask
from phasescope.tasks.repeats import RepeatTask
from phasescope.tasks.skip_trigrams import SkipTrigramTask
from phasescope.tasks.text import ALPHABET, TextTask, python_text, text_digest

EVERY = [
    AdditionTask(digits=3, sum9=0.4),
    RepeatTask(),
    RepeatTask(arrangement="placed", n_ctx=40, shortest=4, longest=10, copies=3),
    SkipTrigramTask(groups=3, triggers=4, distractors=2, surprise=0.1),
    PredecessorTask(),
    BigramTask(lag=2),
    ToyLanguageTask(),
    ParityTask(bits=9, k=3),
    TextTask(n_ctx=32),
]
_ANY = TypeAdapter(AnyTaskConfig)


@pytest.mark.parametrize("config", EVERY, ids=lambda config: config.kind)
def test_draws_fit_the_task_and_depend_on_the_stream_alone(config):
    task = config.build()
    one, two = (task.draw(stream_of("test", 3), 200) for _ in range(2))
    other = task.draw(stream_of("test", 4), 200)
    assert one.tokens.shape == (200, task.n_ctx)
    assert one.tokens.min() >= 0
    assert one.tokens.max() < task.d_vocab
    assert one.targets[one.asked].min() >= 0
    assert one.targets.max() < task.n_elements
    assert (one.tokens == two.tokens).all()
    assert (one.targets == two.targets).all()
    assert (one.tokens != other.tokens).any()
    assert _ANY.validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("sum9", [0.0, 0.7])
def test_addition_adds_and_names_its_carries(sum9):
    digits = 4
    some = AdditionTask(digits=digits, sum9=sum9).build().draw(stream_of("test", 0), 300)
    longest = 0
    noted = (some.notes[name] for name in ("digit", "carry_in", "chain", "sum9"))
    for tokens, targets, *notes in zip(some.tokens, some.targets, *noted, strict=True):
        left, right = tokens[:digits], tokens[digits + 1 : 2 * digits + 1]
        x, y = (int("".join(map(str, part))) for part in (left, right))
        assert (tokens[digits], tokens[2 * digits + 1]) == (10, 11)
        written = [int(digit) for digit in f"{x + y:0{digits + 1}d}"]
        assert tokens[2 * digits + 2 :].tolist() == written
        assert targets.tolist() == [-1] * (2 * digits + 1) + written + [-1]
        for digit, carry_in, chain, run in zip(*(note[2 * digits + 1 : -1] for note in notes), strict=True):
            below = digits - digit  # columns below the one asked for
            assert carry_in == ((x % 10**below + y % 10**below) >= 10**below)
            sums = (left + right)[::-1].tolist()
            nines = 0
            while nines < below and sums[below - 1 - nines] == 9:
                nines += 1
            assert run == nines
            assert chain == (nines + 1 if carry_in else 0)
            longest = max(longest, chain)
    assert longest >= (3 if sum9 else 2)


@pytest.mark.parametrize("config", [EVERY[1], EVERY[2]], ids=["tiled", "placed"])
def test_a_repeat_asks_only_what_an_earlier_copy_tells(config):
    some = config.build().draw(stream_of("test", 0), 200)
    offsets = set()
    for tokens, targets, offset, seen in zip(
        some.tokens, some.targets, some.notes["offset"], some.notes["seen"], strict=True
    ):
        asked = np.flatnonzero(targets >= 0)
        assert len(asked)
        for at in asked:
            assert targets[at] == tokens[at + 1] == tokens[at + 1 - offset[at]]
            assert tokens[at] == tokens[at - offset[at]]
            assert seen[at] >= 1
            offsets.add(int(offset[at]))
    assert len(offsets) >= 7, "a fixed offset would need no induction head"


def test_a_tiled_repeat_asks_everywhere_after_the_first_block():
    some = RepeatTask(n_ctx=12, shortest=3, longest=5).build().draw(stream_of("test", 0), 50)
    for targets, offset in zip(some.targets, some.notes["offset"], strict=True):
        length = offset.max()
        assert np.flatnonzero(targets >= 0).tolist() == list(range(length, 11))


def test_skip_trigrams_follow_their_table_past_distractors():
    config = SkipTrigramTask(groups=3, triggers=4, distractors=2, noise=5)
    some, table = config.build().draw(stream_of("test", 0), 300), config.table
    for tokens, targets, distance in zip(some.tokens, some.targets, some.notes["distance"], strict=True):
        group = tokens[-1] - 5 - 12
        triggers = [(token - 5, at) for at, token in enumerate(tokens[:-1]) if token >= 5]
        own = [(t % 4, at) for t, at in triggers if t // 4 == group]
        assert len(triggers) == 3
        assert len(own) == 1
        assert targets[-1] == table[group, own[0][0]]
        assert distance[-1] == len(tokens) - 1 - own[0][1]
        assert (targets[:-1] == -1).all()


def test_the_floor_of_skip_trigrams_is_the_loss_of_the_best_predictor():
    config = SkipTrigramTask(surprise=0.3)
    task = config.build()
    some = task.draw(stream_of("test", 0), 40_000)
    expected = config.table[some.notes["group"][:, -1], some.notes["trigger"][:, -1]]
    right = 1 - 0.3 * 9 / 10
    losses = np.where(some.targets[:, -1] == expected, -math.log(right), -math.log(0.03))
    assert losses.mean() == pytest.approx(task.floor, abs=4 * losses.std() / 200)


def test_the_predecessor_stands_before_the_marker():
    some = PredecessorTask().build().draw(stream_of("test", 0), 200)
    for tokens, target in zip(some.tokens, some.targets[:, -1], strict=True):
        [marker] = np.flatnonzero(tokens == 10)
        assert target == tokens[marker - 1]
        assert tokens[-1] == 11


def test_parity_is_that_of_its_support():
    config = ParityTask(bits=12, k=3, support_seed=5)
    some = config.build().draw(stream_of("test", 0), 100)
    assert len(config.support) == 3
    for tokens, target in zip(some.tokens, some.targets[:, -1], strict=True):
        assert target == sum(tokens[bit] for bit in config.support) % 2


def test_the_bigram_predictor_beats_single_tokens_and_counts_by_hand():
    task = BigramTask(n_ctx=60).build()
    tokens = task.draw(stream_of("test", 0), 2_000).tokens
    pairs, single = posterior_loss(tokens, 3, lag=1), posterior_loss(tokens, 3, lag=0)
    assert pairs[:, 40:].mean() < single[:, 40:].mean() - 0.05
    one = tokens[:1]
    for at in range(1, 60):
        before = [(a, b) for a, b in zip(one[0, : at - 1], one[0, 1:at], strict=True)]
        same = sum(a == one[0, at - 1] for a, _ in before)
        both = sum((a, b) == (one[0, at - 1], one[0, at]) for a, b in before)
        assert pairs[0, at - 1] == pytest.approx(-math.log((both + 1) / (same + 3)))


def test_a_lag_moves_what_decides():
    tokens = BigramTask(lag=3).build().draw(stream_of("test", 0), 2_000).tokens
    assert posterior_loss(tokens, 3, lag=3).mean() < posterior_loss(tokens, 3, lag=1).mean() - 0.05


def test_the_note_counts_pairs_that_begin_alike():
    some = BigramTask(n_ctx=20, lag=2).build().draw(stream_of("test", 0), 5)
    for tokens, counted in zip(some.tokens, some.notes["counted"], strict=True):
        for at in range(1, 19):
            decides = tokens[at - 1]
            assert counted[at] == sum(tokens[i] == decides for i in range(at - 1))


def test_the_toy_language_copies_whole_passages_and_else_follows_its_table():
    config = ToyLanguageTask(vocab=12)
    some = config.build().draw(stream_of("test", 0), 3_000)
    copied = some.notes["copied"][:, :-1] == 1
    assert 0.3 < copied[:, 20:].mean() < 0.95
    assert not copied[:, : config.copy_from - 1].any()
    free = ~copied
    counts = np.zeros((12, 12))
    np.add.at(counts, (some.tokens[:, :-1][free], some.tokens[:, 1:][free]), 1)
    often = counts.sum(axis=1) > 3_000
    shares = counts[often] / counts[often].sum(axis=1, keepdims=True)
    assert often.any()
    assert np.abs(shares - config.table[often]).max() < 0.04
    for row in range(50):  # every copied token continues some earlier place
        run = np.flatnonzero(copied[row]) + 1
        for at in run:
            assert some.tokens[row, at] in some.tokens[row, :at]


@pytest.mark.parametrize("config", EVERY, ids=lambda config: config.kind)
def test_a_drawn_set_holds_out_what_it_does_not_train_on(config):
    split = DrawnSplit(n_train=60, n_test=80, seed=1)
    train, test = split.draw(config.build())
    read = {row.tobytes() for row in train.tokens}
    assert len(read) == 60
    assert not read & {row.tobytes() for row in test.tokens}
    again, _ = split.draw(config.build())
    assert (again.tokens == train.tokens).all()
    other, _ = split.model_copy(update={"seed": 2}).draw(config.build())
    assert (other.tokens != train.tokens).any()


def test_batches_differ_from_step_to_step_and_from_the_test_set():
    task, split = PredecessorTask().build(), StreamSplit(n_test=64)
    batches = [split.batch(task, step, 64).tokens for step in (0, 1, 0)]
    assert (batches[0] == batches[2]).all()
    assert (batches[0] != batches[1]).any()
    assert (batches[0] != split.test(task).tokens).any()


def test_too_few_different_examples_are_refused():
    with pytest.raises(PhasescopeError, match="needs 40 different examples"):
        DrawnSplit(n_train=20, n_test=20).draw(ParityTask(bits=4, k=2).build())
    with pytest.raises(PhasescopeError, match="do not hold every answer"):
        DrawnSplit(n_train=5, n_test=100, cover=True).draw(SkipTrigramTask().build())


@pytest.mark.parametrize(
    "make",
    [
        lambda: RepeatTask(shortest=9, longest=8),
        lambda: RepeatTask(longest=29),
        lambda: RepeatTask(arrangement="placed", copies=3, longest=15),
        lambda: SkipTrigramTask(distractors=1),
        lambda: SkipTrigramTask(groups=2, distractors=19),
        lambda: ParityTask(bits=3, k=4),
        lambda: BigramTask(lag=60),
        lambda: ToyLanguageTask(shortest=21),
        lambda: AdditionTask(digits=0),
    ],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(ValidationError):
        make()


def test_text_is_what_python_ships_and_its_windows_do_not_overlap():
    some = TextTask(n_ctx=32).build().draw(stream_of("test", 0), 300)
    text = python_text()
    assert len(text) > 200_000
    for tokens, targets in zip(some.tokens, some.targets, strict=True):
        window = "".join(ALPHABET[token] for token in tokens)
        places = [at for at in range(0, len(text) - 31, 32) if text.startswith(window, at)]
        assert places, "a window begins at a multiple of its length"
        assert targets.tolist() == [*tokens[1:], -1]


def test_notes_of_text_are_those_of_a_loop():
    some = TextTask(n_ctx=32).build().draw(stream_of("test", 1), 40)
    for tokens, words, seen in zip(some.tokens, some.notes["word"], some.notes["seen"], strict=True):
        window = "".join(ALPHABET[token] for token in tokens)
        length = 0
        for at in range(31):
            length = length + 1 if window[at].isalnum() else 0
            assert words[at] == length
            assert seen[at] == (window[at : at + 2] in window[: at + 1])
    assert 0.1 < some.notes["seen"][:, 20:-1].mean() < 0.9


def test_a_recipe_on_another_text_is_refused_where_it_is_drawn_and_still_read():
    other = TextTask(digest="0" * 16)
    assert other.build().name.endswith("00000000")
    with pytest.raises(PhasescopeError, match=f"digest {'0' * 16}; this Python ships {text_digest()}"):
        other.build().draw(stream_of("test", 0), 1)
    assert TextTask().digest == text_digest()
    with pytest.raises(ValidationError):
        TextTask(digest="short")
