"""Numbers as people read them, the same in the terminal, in tables and on figures."""

import math

from phasescope.evidence.rules import Value


def compact(value: int | float, digits: int = 3) -> str:
    """Write a number with a few significant digits: 2.41e-7, 0.0123, 9,400.

    Args:
        value: Any number.
        digits: Significant digits; whole numbers below a million keep all of theirs.

    Returns:
        The number as text, its exponent without padding.

    Example:
        >>> [compact(x) for x in (2.4122e-7, 0.01234, 9400, 1001.37, 1.0, 0, -3.1e9)]
        ['2.41e-7', '0.0123', '9,400', '1,001', '1', '0', '-3.10e9']
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    exponent = math.floor(math.log10(abs(value)))
    if -3 < exponent < 6:
        return f"{value:,.{max(digits - 1 - exponent, 0)}f}"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(power)}"


def with_unit(value: int | Value, unit: str = "") -> str:
    """Write a claim's number or set; a unit of "%" sits close, others follow a space.

    Args:
        value: A number or a set of integers.
        unit: Its unit; empty for none.

    Returns:
        The text.

    Example:
        >>> with_unit(93.2, "%"), with_unit(9400.0, "step"), with_unit((14, 35)), with_unit(())
        ('93.2%', '9,400 step', '14, 35', 'none')
    """
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{compact(value)}{unit}" if unit in ("", "%") else f"{compact(value)} {unit}"
