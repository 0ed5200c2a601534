"""Tasks from text: what is written is what is built, and a slip is answered in one line."""

import pytest

from phasescope.errors import PhasescopeError
from phasescope.tasks.config import GroupTask, ModularTask
from phasescope.tasks.parse import POWER2022_TASKS, parse_task


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("a+b mod 113", ModularTask(operation="a+b", p=113)),
        ("  x + y   mod 113 ", ModularTask(operation="a+b", p=113)),
        ("x**2+x*y mod 97", ModularTask(operation="a^2+a*b", p=97)),
        ("a/b if b odd else a-b mod 97", ModularTask(operation="a/b if b odd else a-b", p=97)),
        ("a*b in S5", GroupTask(group="S5", word="ab")),
        ("ab in S5", GroupTask(group="S5", word="ab")),
        ("x·y in S5", GroupTask(group="S5", word="ab")),
        ("a*b*a^-1 in A5", GroupTask(group="A5", word="aba^-1")),
        ("aba⁻¹ in A5", GroupTask(group="A5", word="aba^-1")),
        ("x * y * x in S3xC2", GroupTask(group="S3xC2", word="aba")),
        ("a+b mod 113, random labels 4", ModularTask(p=113, labels="random", label_seed=4)),
    ],
)
def test_texts_and_what_they_mean(text: str, config: object) -> None:
    assert parse_task(text) == config


@pytest.mark.parametrize(
    "text", [*POWER2022_TASKS.values(), "a+b mod 2, random labels 0", "a*b in D5, random labels 7"]
)
def test_a_tasks_name_reads_back_as_the_task(text: str) -> None:
    assert parse_task(text).build().name == text


def test_power2022_has_twelve_tasks_of_their_sizes() -> None:
    sizes = {
        name: len(parse_task(text, layout="a o b =").build().pairs) for name, text in POWER2022_TASKS.items()
    }
    assert len(sizes) == 12
    assert sizes.pop("division") == 97 * 96
    groups = {sizes.pop(name) for name in ("composition", "conjugation", "sandwich")}
    assert groups == {120**2}
    assert set(sizes.values()) == {97**2}


def test_the_layout_is_the_callers() -> None:
    assert parse_task("a+b mod 59", layout="a b").build().tokens.shape == (59**2, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a task reads like"),
        ("a+b", "a task reads like 'a+b mod 113' or 'a*b in S5'; got 'a+b'"),
        ("mod 113", "a task reads like"),
        ("a+b mod", "a task reads like"),
        ("a+b mod p", "a modulus is a whole number of at least 2; got 'p'"),
        ("a+b mod -5", "a modulus is a whole number"),
        ("a+b mod 1", "p needs a number of at least 2; got 1"),
        ("a+b mod 99999", "p needs a number of at most 2,048"),
        ("a+c mod 113", "operation knows the operands a and b only; at column 3 of 'a+c'"),
        ("a*b in Q8", "group reads like C113"),
        ("a*b in s5", "did you mean S5?"),
        ("a+b in S5", "a word in a group is one of a*b, a*b*a^-1, a*b*a; got 'a+b'; did you mean a*b?"),
        ("a*b*b in S5", "did you mean a*b?"),
        ("a+b mod 113, random labels -1", "a task reads like"),
        ("a" * 10_000 + " mod 5", "a task reads like"),
        ("\x1b[31m mod 5", "operation"),
    ],
)
def test_a_bad_task_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(PhasescopeError) as refused:
        parse_task(text)
    assert message in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) <= 300
