"""Binary operations mod p, read from text and evaluated exactly, without eval.

An operation is arithmetic on the operands a and b (x and y mean the same): whole numbers,
``+ - * /``, powers with a constant exponent written ``^`` or ``**``, and parentheses. It may have
two branches, told apart by the parity of an operand: ``a/b if b odd else a-b``.
"""

import math
import re
import reprlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from phasescope.errors import PhasescopeError

POWER2022_OPERATIONS = {
    "addition": "a+b",
    "subtraction": "a-b",
    "division": "a/b",
    "division or subtraction": "a/b if b odd else a-b",
    "sum of squares": "a^2+b^2",
    "quadratic": "a^2+a*b+b^2",
    "quadratic plus a": "a^2+a*b+b^2+a",
    "cubic": "a^3+a*b",
    "cubic plus b": "a^3+a*b^2+b",
}
"""The modular operations of power2022 (appendix A.1.1), all of them mod 97 there."""

LONGEST_OPERATION = 120
"""Characters an operation may have."""

_TOKEN = re.compile(r"\s*(?P<token>(?P<number>[0-9]+)|(?P<word>[A-Za-z_]\w*)|\*\*|[-+*/^()])")
_SAME = {"x": "a", "y": "b", "**": "^"}
_WORDS = {"a": "a", "b": "b", "if": " if ", "odd": " odd", "even": " even", "else": " else "}


def canonical_operation(operation: str) -> str:
    """Return the one spelling of an operation: operands a and b, ``^`` for powers, no needless spaces.

    Recipes that say the same in different spellings get the same digest by it.

    Args:
        operation: The user's text.

    Returns:
        The same operation in the house's spelling.

    Raises:
        PhasescopeError: If the text is no operation; the message names the place.

    Example:
        >>> canonical_operation("x**2 + x*y")
        'a^2+a*b'
        >>> canonical_operation("x / y if y odd else x - y")
        'a/b if b odd else a-b'
        >>> try:
        ...     canonical_operation("a + c")
        ... except PhasescopeError as error:
        ...     print(error)
        an operation knows the operands a and b only; at column 5 of 'a + c'
    """
    evaluate(operation, np.zeros(1, np.int64), np.zeros(1, np.int64), 2)
    return "".join(_WORDS.get(token, token) for _, token in _tokens(operation))


def evaluate(
    operation: str, a: Int64[np.ndarray, " example"], b: Int64[np.ndarray, " example"], p: int
) -> tuple[Int64[np.ndarray, " example"], Bool[np.ndarray, " example"]]:
    """Return the value of an operation mod p for each pair of operands.

    Dividing is multiplying by the inverse mod p; where the divisor has none (it is 0, or shares a
    factor with p) the operation has no value. ``if b odd`` asks for the parity of the residue 0 .. p-1.

    Args:
        operation: Text of the operation.
        a: Left operands, residues 0 .. p-1.
        b: Right operands, residues 0 .. p-1.
        p: Modulus, 2 or more, prime or not; below 2^31, so that no product overflows.

    Returns:
        The values, residues 0 .. p-1 (0 where there is none), and whether each exists.

    Raises:
        PhasescopeError: If the text is no operation; the message names the place.

    References:
        power2022: Grokking: generalization beyond overfitting on small algorithmic datasets, A.1.1.

    Example:
        >>> values, exists = evaluate("a/b", np.array([1, 1, 1]), np.array([0, 3, 5]), 7)
        >>> values.tolist(), exists.tolist()
        ([0, 5, 3], [False, True, True])
    """
    reader = _Reader(operation, _tokens(operation), a, b, p)
    try:
        values, exists = reader.operation()
    except RecursionError:
        raise reader.wrong("needs fewer parentheses or signs inside each other") from None
    return np.where(exists, values, 0), exists


_Residues = tuple[Int64[np.ndarray, " example"], Bool[np.ndarray, " example"]]
"""Values mod p, and where they exist."""


@dataclass
class _Reader:
    """Reads an operation from left to right, evaluating as it goes; one method per rule of the grammar."""

    text: str
    tokens: list[tuple[int, str]]
    a: Int64[np.ndarray, " example"]
    b: Int64[np.ndarray, " example"]
    p: int
    at: int = 0

    def operation(self) -> _Residues:
        """Operation = sum, or sum "if" operand parity "else" sum."""
        values, exists = self.sum()
        if self.take("if"):
            operand = self.a if self.expect("a", "b") == "a" else self.b
            chosen = operand % 2 == (1 if self.expect("odd", "even") == "odd" else 0)
            self.expect("else")
            otherwise, otherwise_exists = self.sum()
            values = np.where(chosen, values, otherwise)
            exists = np.where(chosen, exists, otherwise_exists)
        if self.next:
            raise self.wrong("needs + - * / or nothing more")
        return values, exists

    def sum(self) -> _Residues:
        """Sum = product, then any number of + product or - product."""
        values, exists = self.product()
        while sign := self.take("+", "-"):
            term, term_exists = self.product()
            values = (values + (term if sign == "+" else -term)) % self.p
            exists = exists & term_exists
        return values, exists

    def product(self) -> _Residues:
        """Product = factor, then any number of * factor or / factor."""
        values, exists = self.factor()
        while sign := self.take("*", "/"):
            factor, factor_exists = self.factor()
            exists = exists & factor_exists
            if sign == "/":
                factor = _inverses(factor, self.p)
                exists = exists & (factor > 0)
            values = values * factor % self.p
        return values, exists

    def factor(self) -> _Residues:
        """Factor = - factor, or an atom, or an atom ^ number; so -a^2 is -(a^2)."""
        if self.take("-"):
            values, exists = self.factor()
            return -values % self.p, exists
        values, exists = self.atom()
        if self.take("^"):
            if not self.next.isdigit():
                raise self.wrong("needs a whole number as exponent (an inverse is written 1/a)")
            values = _power(values, int(self.step()), self.p)
        return values, exists

    def atom(self) -> _Residues:
        """Atom = a, b, a number, or a sum in parentheses."""
        if self.take("("):
            inside = self.sum()
            self.expect(")")
            return inside
        if self.next.isdigit():
            values = np.full_like(self.a, int(self.step()) % self.p)
        else:
            values = self.a if self.expect("a", "b", instead="a, b, a number or (") == "a" else self.b
        return values, np.ones(len(values), dtype=bool)

    @property
    def next(self) -> str:
        """The token to be read; "" at the end."""
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def step(self) -> str:
        """Read a token, whatever it is."""
        self.at += 1
        return self.tokens[self.at - 1][1]

    def take(self, *wanted: str) -> str:
        """Read the next token if it is one of those wanted; "" if it is not."""
        return self.step() if self.next in wanted else ""

    def expect(self, *wanted: str, instead: str = "") -> str:
        """Read the next token, which must be one of those wanted."""
        if self.next not in wanted:
            raise self.wrong(f"needs {instead or ' or '.join(wanted)}")
        return self.step()

    def wrong(self, problem: str) -> PhasescopeError:
        """The error for the token to be read."""
        return _wrong(self.text, self.tokens[self.at][0] if self.next else None, problem)


def _tokens(text: str) -> list[tuple[int, str]]:
    """Every token with its column, in the house's spelling."""
    if len(text) > LONGEST_OPERATION:
        raise PhasescopeError(
            f"an operation has at most {LONGEST_OPERATION} characters; got {len(text)}: {reprlib.repr(text)}"
        )
    tokens: list[tuple[int, str]] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found:
            column = at + len(text[at:]) - len(text[at:].lstrip())
            raise _wrong(text, column, "is made of a, b, whole numbers, + - * / ^ ( ) and 'if b odd else'")
        token = _SAME.get(found["token"], found["token"])
        if found["word"] and token not in _WORDS:
            raise _wrong(text, found.start("token"), "knows the operands a and b only")
        tokens.append((found.start("token"), token))
        at = found.end()
    return tokens


def _wrong(text: str, column: int | None, problem: str) -> PhasescopeError:
    """The error for a place in the user's text; no column means its end."""
    place = "at the end" if column is None else f"at column {column + 1}"
    quoted = repr(text) if len(repr(text)) <= LONGEST_OPERATION + 2 else reprlib.repr(text)
    return PhasescopeError(f"an operation {problem}; {place} of {quoted}")


def _inverses(residues: Int64[np.ndarray, " example"], p: int) -> Int64[np.ndarray, " example"]:
    """The inverse of each residue mod p, and 0 for those that have none."""
    distinct, which = np.unique(residues, return_inverse=True)
    inverses = [pow(r, -1, p) if math.gcd(r, p) == 1 else 0 for r in distinct.tolist()]
    return np.array(inverses, dtype=np.int64)[which]


def _power(base: Int64[np.ndarray, " example"], exponent: int, p: int) -> Int64[np.ndarray, " example"]:
    """base^exponent mod p by repeated squaring; the zeroth power is 1 throughout."""
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result = result * base % p
        base = base * base % p
        exponent >>= 1
    return result
