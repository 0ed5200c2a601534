"""Numbers as text: hand-written truths, and a law."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasescope.report.numbers import compact, with_unit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.4122e-7, "2.41e-7"),
        (1e-7, "1.00e-7"),
        (0.00999, "9.99e-3"),
        (0.0123, "0.0123"),
        (0.846, "0.846"),
        (1.0, "1"),
        (99.96, "100.0"),
        (26.1, "26.1"),
        (1001.37, "1,001"),
        (14_000, "14,000"),
        (999_999.0, "999,999"),
        (1e6, "1.00e6"),
        (-3.5e-9, "-3.50e-9"),
        (0.0, "0"),
        (math.nan, "not a number"),
        (math.inf, "infinity"),
        (-math.inf, "-infinity"),
    ],
)
def test_by_hand(value: float, text: str) -> None:
    assert compact(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_the_text_reads_back_to_three_digits(value: float) -> None:
    assert float(compact(value).replace(",", "")) == pytest.approx(value, rel=5.1e-3, abs=1e-300)


def test_units() -> None:
    assert with_unit(2.41e-7, "nats") == "2.41e-7 nats"
    assert with_unit(93.2, "%") == "93.2%"
    assert with_unit((14, 35)) == "14, 35"
    assert with_unit(()) == "none"
