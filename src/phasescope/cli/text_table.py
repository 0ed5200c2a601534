"""Tables on a terminal: columns that line up, numbers to the right."""

from collections.abc import Iterable, Sequence


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as aligned text under a heading, unprintable characters escaped.

    Args:
        head: What stands above each column.
        rows: Cells as text; one that reads as a number is set to the right.

    Returns:
        The lines, without a line break at the end and without trailing spaces.

    Example:
        >>> print(text_table(("measure", "value"), [("loss", "2.4e-07"), ("gini", "1")]))
        measure    value
        loss     2.4e-07
        gini           1
    """
    body = [[_printable(cell) for cell in row] for row in rows]
    columns = list(zip(head, *body, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(_is_number(cell) for cell in column[1:]) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_the_right else cell.ljust(width)
            for cell, width, to_the_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (head, *body)
    )


def _is_number(cell: str) -> bool:
    """Whether a cell is a number, or blank where one could stand."""
    try:
        float(cell.replace(",", "") or "0")
    except ValueError:
        return False
    return True


def _printable(cell: str) -> str:
    """Text from a file, safe for a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cell)
