"""Splits: the authors' own shuffles, row for row, and no global stream touched."""

import random

import numpy as np
import pytest
import torch

from phasescope.errors import PhasescopeError
from phasescope.tasks.config import GroupTask, ModularTask
from phasescope.tasks.split import Split, SplitConfig, parse_split
from phasescope.tasks.task import Task

KINDS = ["nanda2023", "chughtai2023", "power2022", "phasescope"]


@pytest.fixture(scope="module")
def mainline() -> Task:
    return ModularTask(operation="a+b", p=113).build()


@pytest.mark.parametrize("seed", [0, 1, 598])
def test_nanda2023_is_their_loop_and_shuffle(mainline: Task, seed: int) -> None:
    split = parse_split(f"nanda2023:{seed}:0.3").split(mainline)
    state = random.getstate()
    random.seed(seed)
    pairs = [(i, j, 113) for i in range(113) for j in range(113)]
    random.shuffle(pairs)
    random.setstate(state)
    assert (len(split.train), len(split.test)) == (3_830, 8_939)
    assert mainline.tokens[split.train].tolist() == [list(pair) for pair in pairs[:3_830]]
    assert mainline.tokens[split.test].tolist() == [list(pair) for pair in pairs[3_830:]]


@pytest.mark.parametrize("seed", [0, 1, 598, 2**31, 2**32 - 1])
@pytest.mark.parametrize("p", [2, 3, 10, 59, 113])
def test_chughtai2023_is_torch_randperm(p: int, seed: int) -> None:
    task = ModularTask(operation="a+b", p=p).build()
    split = SplitConfig(kind="chughtai2023", fraction=0.4, seed=seed).split(task)
    expected = torch.randperm(p * p, generator=torch.Generator().manual_seed(seed)).numpy()
    assert (np.concatenate([split.train, split.test]) == expected).all()
    assert len(split.train) == int(0.4 * p * p)


def test_chughtai2023_on_s5_indexes_as_they_do() -> None:
    task = GroupTask(group="S5").build()
    split = parse_split("chughtai2023:1:0.4").split(task)
    state = torch.get_rng_state()
    torch.manual_seed(1)
    permuted = torch.randperm(120 * 120)[: int(0.4 * 120 * 120)]
    torch.set_rng_state(state)
    assert task.pairs[split.train].tolist() == [[int(r) // 120, int(r) % 120] for r in permuted]


def test_power2022_shuffles_their_list_of_equations() -> None:
    task = ModularTask(operation="a+b", p=97).build()
    equations = [f"{a} + {b}" for a in range(97) for b in range(97)]
    np.random.RandomState(3).shuffle(equations)
    split = parse_split("power2022:3:0.5").split(task)
    n_train = round(len(equations) * (50 / 100.0))
    assert [f"{a} + {b}" for a, b in task.pairs[split.train]] == equations[:n_train]
    assert [f"{a} + {b}" for a, b in task.pairs[split.test]] == equations[n_train:]


@pytest.mark.parametrize("labels", ["true", "random"])
def test_power2022_lists_a_division_by_quotient_and_divisor(labels: str) -> None:
    task = ModularTask.model_validate({"operation": "a/b", "p": 97, "labels": labels}).build()
    equations = [(b * c % 97, b) for c in range(97) for b in range(97) if b != 0]
    np.random.RandomState(0).shuffle(equations)
    split = parse_split("power2022:0:0.5").split(task)
    assert task.pairs[split.train].tolist() == np.array(equations[:4_656]).tolist()


def test_the_house_split_is_pinned(mainline: Task) -> None:
    split = parse_split("phasescope:0:0.3").split(mainline)
    # a change of these is a change of every run that was ever split this way
    assert split.train[:6].tolist() == PINNED
    assert len(split.train) == round(0.3 * 12_769)


PINNED = [10559, 8996, 2258, 7217, 4290, 5417]


@pytest.mark.parametrize("kind", KINDS)
def test_a_split_is_a_partition_and_depends_on_its_seed(mainline: Task, kind: str) -> None:
    first, second, again = (parse_split(f"{kind}:{seed}:0.3").split(mainline) for seed in (0, 1, 0))
    assert sorted([*first.train.tolist(), *first.test.tolist()]) == list(range(12_769))
    assert (first.train == again.train).all()
    assert (first.test == again.test).all()
    common = len(set(first.train.tolist()) & set(second.train.tolist()))
    assert abs(common - 0.3 * 0.3 * 12_769) < 100  # hypergeometric, standard deviation 24


@pytest.mark.parametrize("kind", KINDS)
def test_no_global_stream_is_touched_or_used(mainline: Task, kind: str) -> None:
    config = parse_split(f"{kind}:7:0.3")
    expected = config.split(mainline).train
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    split = config.split(mainline)
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    for _ in range(100):
        random.random()
    assert (split.train == expected).all()
    assert (config.split(mainline).train == expected).all()


def test_all_trains_on_everything_in_order(mainline: Task) -> None:
    split = parse_split("all").split(mainline)
    assert (split.train == np.arange(12_769)).all()
    assert len(split.test) == 0


@pytest.mark.parametrize(
    "text", ["nanda2023:0:0.3", "chughtai2023:598:0.25", "power2022:0:0.5", "phasescope:4:0.8", "all"]
)
def test_a_split_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_split(text)) == text
    assert SplitConfig.model_validate_json(parse_split(text).model_dump_json()) == parse_split(text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fraction", [0.01, 0.99, 1.0])
def test_a_split_with_an_empty_side_is_refused(kind: str, fraction: float) -> None:
    task = ModularTask(operation="a+b", p=2).build()
    if kind in ("nanda2023", "chughtai2023") and fraction == 0.99:
        assert len(SplitConfig(kind=kind, fraction=fraction).split(task).test) == 1
        return
    with pytest.raises(
        PhasescopeError, match=rf"split {kind}:0:{fraction} needs inputs on both sides; of the 4"
    ):
        SplitConfig(kind=kind, fraction=fraction).split(task)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nanda:0:0.3", "did you mean nanda2023?"),
        ("chugtai2023:0:0.3", "did you mean chughtai2023?"),
        ("All", "did you mean all?"),
        ("", "a split's kind is one of nanda2023, chughtai2023, power2022, phasescope, all; got ''"),
        ("nanda2023", "a split reads like nanda2023:0:0.3"),
        ("nanda2023:0", "a split reads like nanda2023:0:0.3"),
        ("nanda2023:0:0.3:1", "a split reads like"),
        ("nanda2023:a:0.3", "a split reads like"),
        ("nanda2023:0:30%", "a split reads like"),
        ("nanda2023:-1:0.3", "seed needs a number of at least 0; got -1"),
        ("nanda2023:0:30", "fraction needs a number of at most 1; got 30.0"),
        ("nanda2023:0:0", "fraction needs a number above 0"),
        ("nanda2023:0:nan", "fraction"),
        ("nanda2023:0:inf", "fraction"),
        (f"nanda2023:{2**32}:0.3", "seed"),
        ("nanda2023:" + "9" * 5000 + ":0.3", "a split reads like"),
        ("\x1b[31m:0:0.3", "a split's kind is one of"),
        ("all:0:1", "or all; got 'all:0:1'"),
    ],
)
def test_a_bad_split_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(PhasescopeError) as refused:
        parse_split(text)
    assert message in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) <= 300


def test_a_row_may_not_be_used_twice() -> None:
    for train in ([0, 1], [0, 0], [0, -1]):
        with pytest.raises(PhasescopeError, match="each in train or test once"):
            Split(train=np.array(train), test=np.array([1, 2]))
