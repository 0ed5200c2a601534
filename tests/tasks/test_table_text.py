"""Operation tables with blanks: held-out answers are hidden, and the text stays small."""

import numpy as np
import pytest

from phasescope.algebra.named_groups import symmetric
from phasescope.errors import PhasescopeError
from phasescope.tasks.config import GroupTask, ModularTask
from phasescope.tasks.split import Split, parse_split
from phasescope.tasks.table_text import BLANK, format_table, operation_table


def test_without_a_split_every_answer_is_shown() -> None:
    task = ModularTask(operation="a+b", p=5).build()
    assert operation_table(task).tolist() == [[(a + b) % 5 for b in range(5)] for a in range(5)]


def test_training_answers_are_shown_and_held_out_ones_are_blank() -> None:
    task = ModularTask(operation="a+b", p=113).build()
    split = parse_split("nanda2023:0:0.3").split(task)
    table = operation_table(task, split)
    a, b = task.pairs[split.train].T
    assert (table[a, b] == task.answers[split.train]).all()
    a, b = task.pairs[split.test].T
    assert (table[a, b] == BLANK).all()
    assert (table != BLANK).sum() == 3_830


def test_what_is_no_input_is_blank_too() -> None:
    table = operation_table(ModularTask(operation="a/b", p=7).build())
    assert (table[:, 0] == BLANK).all()
    assert (table[:, 1:] != BLANK).all()


def test_a_split_of_a_larger_task_is_refused() -> None:
    split = Split(train=np.array([0, 30]), test=np.array([1]))
    with pytest.raises(PhasescopeError, match="which has 25 inputs; it trains on row 30"):
        operation_table(ModularTask(operation="a+b", p=5).build(), split)


def test_the_text_of_a_small_table_is_aligned() -> None:
    table = operation_table(ModularTask(operation="a*b", p=12).build())[:4, :12]
    assert format_table(table, corner="a*b").splitlines() == [
        "a*b | 0 1 2 3 4  5 6 7 8 9 10 11",
        "----+---------------------------",
        "  0 | 0 0 0 0 0  0 0 0 0 0  0  0",
        "  1 | 0 1 2 3 4  5 6 7 8 9 10 11",
        "  2 | 0 2 4 6 8 10 0 2 4 6  8 10",
        "  3 | 0 3 6 9 0  3 6 9 0 3  6  9",
    ]


def test_a_large_table_is_cut_and_says_so() -> None:
    text = format_table(operation_table(ModularTask(operation="a+b", p=113).build()), most=10)
    lines = text.splitlines()
    assert len(lines) == 13
    assert lines[-1] == "(10 x 10 of 113 x 113 shown)"
    assert lines[2].split() == ["0", "|", *(str(i) for i in range(10))]


def test_elements_go_by_their_labels() -> None:
    task = GroupTask(group="S3").build()
    lines = format_table(operation_table(task), labels=symmetric(3).labels).splitlines()
    assert lines[3].split("|")[0].strip() == "(1 2)"
    assert "(0 1 2)" in lines[4]  # (0 1)(1 2)
    assert len({len(line) for line in lines}) == 1


def test_too_few_labels_or_rows_are_refused() -> None:
    with pytest.raises(PhasescopeError, match="needs 3 labels; got 2"):
        format_table(np.array([[0, 1], [2, 0]]), labels=["e", "g"])
    with pytest.raises(PhasescopeError, match="most=0"):
        format_table(np.array([[0]]), most=0)
