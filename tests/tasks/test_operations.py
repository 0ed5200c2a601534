"""Operations mod p: exact against Python's integers, readable in any spelling, never evaluated as code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasescope.errors import PhasescopeError
from phasescope.tasks.operations import (
    LONGEST_OPERATION,
    POWER2022_OPERATIONS,
    canonical_operation,
    evaluate,
)


def table(operation: str, p: int) -> list[list[int | None]]:
    """Every value of an operation, None where there is none."""
    a, b = np.divmod(np.arange(p * p), p)
    values, exists = evaluate(operation, a, b, p)
    cells = [int(value) if there else None for value, there in zip(values, exists, strict=True)]
    return [cells[row : row + p] for row in range(0, p * p, p)]


# Written out again in Python's own unbounded integers; None where there is no answer.
BY_HAND = {
    "addition": lambda a, b, p: (a + b) % p,
    "subtraction": lambda a, b, p: (a - b) % p,
    "division": lambda a, b, p: a * pow(b, -1, p) % p if b else None,
    "division or subtraction": lambda a, b, p: a * pow(b, -1, p) % p if b % 2 else (a - b) % p,
    "sum of squares": lambda a, b, p: (a**2 + b**2) % p,
    "quadratic": lambda a, b, p: (a**2 + a * b + b**2) % p,
    "quadratic plus a": lambda a, b, p: (a**2 + a * b + b**2 + a) % p,
    "cubic": lambda a, b, p: (a**3 + a * b) % p,
    "cubic plus b": lambda a, b, p: (a**3 + a * b**2 + b) % p,
}


@pytest.mark.parametrize("name", POWER2022_OPERATIONS)
def test_the_operations_of_power2022_at_their_modulus(name: str) -> None:
    assert table(POWER2022_OPERATIONS[name], 97) == [
        [BY_HAND[name](a, b, 97) for b in range(97)] for a in range(97)
    ]


def test_there_are_nine_operations_and_each_is_spelt_the_one_way() -> None:
    assert BY_HAND.keys() == POWER2022_OPERATIONS.keys()
    assert all(canonical_operation(operation) == operation for operation in POWER2022_OPERATIONS.values())


@pytest.mark.parametrize("p", [2, 3, 7, 97, 113])
def test_division_undoes_multiplication_and_leaves_out_zero_only(p: int) -> None:
    a, b = np.divmod(np.arange(p * p), p)
    quotient, exists = evaluate("a/b", a, b, p)
    assert (exists == (b != 0)).all()
    assert (quotient * b % p == a)[exists].all()


def test_division_by_a_residue_that_shares_a_factor_with_the_modulus_has_no_answer() -> None:
    rows = table("a/b", 12)
    assert [b for b in range(12) if rows[1][b] is not None] == [1, 5, 7, 11]
    assert rows[7][5] == 11  # 5 * 11 = 55 = 7 mod 12


def test_a_branch_that_is_not_taken_needs_no_answer() -> None:
    # b even would divide by 0; b odd divides, and 3 has no inverse mod 6
    assert table("a/b if b odd else a-b", 6)[1] == [1, 1, 5, None, 3, 5]
    assert table("a-b if a even else 1/b", 4)[2] == [2, 1, 0, 3]


def test_precedence_is_that_of_arithmetic() -> None:
    assert table("-a^2", 7)[3][0] == -(3**2) % 7
    assert table("(-a)^2", 7)[3][0] == 2
    assert table("a-b-1", 7)[3][5] == (3 - 5 - 1) % 7
    assert table("a/b*b", 7)[3][5] == 3
    assert table("2*a^3*b", 7)[3][5] == 2 * 27 * 5 % 7
    assert table("a--b", 7)[3][5] == 1
    assert table("a^0+b", 7)[0][0] == 1


def test_large_moduli_and_exponents_do_not_overflow() -> None:
    p = 2_147_483_629  # the largest prime below 2^31 - 1
    a, b = np.array([p - 1, p - 2, 123_456_789]), np.array([p - 3, 2, 987_654_321])
    values, _ = evaluate("a^999*b^3-7*a", a, b, p)
    assert values.tolist() == [
        (pow(x, 999, p) * pow(y, 3, p) - 7 * x) % p for x, y in zip(a.tolist(), b.tolist(), strict=True)
    ]
    huge = "9" * 100
    assert evaluate(f"a+{huge}", a[:1], b[:1], p)[0][0] == (int(a[0]) + int(huge)) % p


expressions = st.recursive(
    st.sampled_from(["a", "b"]) | st.integers(0, 30).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]}){t[1]}({t[2]})")
        | st.tuples(inner, st.integers(0, 4)).map(lambda t: f"({t[0]})^{t[1]}")
        | inner.map(lambda t: f"-({t})")
    ),
    max_leaves=6,
).filter(lambda text: len(text) <= LONGEST_OPERATION)


@settings(max_examples=100, deadline=None)
@given(expressions, st.integers(2, 30))
def test_random_polynomials_agree_with_python(expression: str, p: int) -> None:
    python = compile(expression.replace("^", "**"), "expression", "eval")
    expected = [
        [eval(python, {"a": a, "b": b}) % p for b in range(p)]  # noqa: S307
        for a in range(p)
    ]
    assert table(expression, p) == expected
    assert table(canonical_operation(expression), p) == expected


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["a+b", "a*b", "a^2+b^2", "a^2+a*b+b^2", "(a-b)^2"]), st.integers(2, 40))
def test_symmetric_operations_commute(operation: str, p: int) -> None:
    values = np.array(table(operation, p))
    assert (values == values.T).all()


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("x+y", "a+b"),
        (" a + b ", "a+b"),
        ("x**2+x*y+y**2", "a^2+a*b+b^2"),
        ("a / b if b odd else a - b", "a/b if b odd else a-b"),
        ("(x)*y if x even else -y", "(a)*b if a even else -b"),
    ],
)
def test_spellings_that_mean_the_same_become_one(spelling: str, canonical: str) -> None:
    assert canonical_operation(spelling) == canonical
    assert canonical_operation(canonical) == canonical


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("", "needs a, b, a number or (; at the end of ''"),
        ("a+", "needs a, b, a number or (; at the end of 'a+'"),
        ("a+*b", "needs a, b, a number or (; at column 3 of 'a+*b'"),
        ("a b", "needs + - * / or nothing more; at column 3 of 'a b'"),
        ("2a", "needs + - * / or nothing more; at column 2 of '2a'"),
        ("a+c", "knows the operands a and b only; at column 3 of 'a+c'"),
        ("ab", "knows the operands a and b only; at column 1 of 'ab'"),
        ("(a+b", "needs ); at the end of '(a+b'"),
        ("a+b)", "needs + - * / or nothing more; at column 4 of 'a+b)'"),
        ("a^b", "needs a whole number as exponent (an inverse is written 1/a); at column 3 of 'a^b'"),
        ("a^-1", "at column 3 of 'a^-1'"),
        ("2^3^2", "needs + - * / or nothing more; at column 4"),
        ("a//b", "at column 3 of 'a//b'"),
        (
            "a % b",
            "is made of a, b, whole numbers, + - * / ^ ( ) and 'if b odd else'; at column 3 of 'a % b'",
        ),
        ("a+1.5", "at column 4 of 'a+1.5'"),
        ("a+b if b", "needs odd or even; at the end"),
        ("a+b if 3 odd else a", "needs a or b; at column 8"),
        ("a if b odd", "needs else; at the end"),
        ("a if b odd else", "needs a, b, a number or (; at the end"),
        ("if", "needs a, b, a number or (; at column 1"),
        ("odd+a", "at column 1"),
        ("__import__('os')", "knows the operands a and b only; at column 1"),
        ("a.__class__", "at column 2"),
        ("a+b\x1b[31m", "at column 4 of 'a+b\\x1b[31m'"),
        ("a+b\u202e", "at column 4 of 'a+b\\u202e'"),
        ("a²", "at column 1 of 'a²'"),
        ("a+" * 200, f"has at most {LONGEST_OPERATION} characters; got 400"),
    ],
)
def test_a_bad_operation_is_refused_in_one_line_that_names_the_place(operation: str, message: str) -> None:
    with pytest.raises(PhasescopeError) as refused:
        canonical_operation(operation)
    assert message in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) <= 300


@pytest.mark.parametrize("opening", ["(", "-", "-("])
def test_deep_nesting_gives_one_line_and_no_traceback_of_ours(opening: str) -> None:
    with pytest.raises(PhasescopeError, match="an operation needs"):
        canonical_operation((opening * LONGEST_OPERATION)[:LONGEST_OPERATION])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab xy0123456789+-*/^() ifodevnls.%_\n\t", max_size=40))
def test_any_text_is_an_operation_or_one_printable_line(text: str) -> None:
    canonical, refusal = read(text)
    if canonical is None:
        assert refusal.isprintable()
        assert 0 < len(refusal) <= 300
    else:
        assert canonical_operation(canonical) == canonical
        assert table(canonical, 3) == table(text, 3)


def read(text: str) -> tuple[str | None, str]:
    """The canonical spelling, or the reason why there is none."""
    try:
        return canonical_operation(text), ""
    except PhasescopeError as error:
        return None, str(error)
