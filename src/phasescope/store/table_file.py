"""A table as a file others can open: CSV, or Parquet with the ``parquet`` extra."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.store.durable import write_durably

Table = Mapping[str, Sequence[bool | int | float | str | None]]
"""Columns by name, all of one length; None where there is no value."""


def write_table(table: Table, path: Path, types: Mapping[str, type] | None = None) -> None:
    """Write a table to a file, in the format its ending names.

    Args:
        table: The columns.
        path: Ends in ``.csv`` or ``.parquet``; replaced whole.
        types: Type of columns in Parquet where it should not be read off the values: bool, int, float or str.

    Raises:
        PhasescopeError: If the ending is another, or Parquet is asked for without its extra.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_table({"run": ["a", "b"], "step": [100, None]}, Path(folder) / "runs.csv")
        ...     (Path(folder) / "runs.csv").read_text().splitlines()
        ['run,step', 'a,100', 'b,']
    """
    if path.suffix == ".csv":
        write_durably(path, _csv(table))
    elif path.suffix == ".parquet":
        write_durably(path, _parquet(table, types or {}))
    else:
        raise PhasescopeError(f"tables are written to .csv or .parquet; got {path.name}")


def read_column(path: Path, name: str) -> list[str]:
    """Return one column of a CSV file, as text.

    Raises:
        PhasescopeError: If the file cannot be read, or has no such column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_table({"run": ["a", "b"], "step": [100, None]}, Path(folder) / "runs.csv")
        ...     read_column(Path(folder) / "runs.csv", "step")
        ['100', '']
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if name not in (rows.fieldnames or ()):
                raise PhasescopeError(f"{path} needs a column {name}; it has none")
            return [row[name] or "" for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PhasescopeError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _csv(table: Table) -> bytes:
    """Comma-separated text; floats in the shortest form that reads back exactly."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return text.getvalue().encode()


def _parquet(table: Table, types: Mapping[str, type]) -> bytes:
    """The same table in Parquet, with types."""
    try:
        import polars
    except ImportError:
        raise PhasescopeError(
            "Parquet needs polars: pip install 'phasescope[parquet]'; or take .csv"
        ) from None
    kinds = {str: polars.String, float: polars.Float64, int: polars.Int64, bool: polars.Boolean}
    schema = {name: kinds[types.get(name) or _type_of(column)] for name, column in table.items()}
    columns = {
        name: [
            str(value) if schema[name] is polars.String and value is not None else value for value in column
        ]
        for name, column in table.items()
    }
    buffer = io.BytesIO()
    polars.DataFrame(columns, schema=schema, strict=False).write_parquet(buffer)
    return buffer.getvalue()


def _type_of(column: Sequence[object]) -> type:
    """The narrowest type that holds every value; text if nothing else does."""
    found = {type(value) for value in column if value is not None}
    if found <= {int, float} and found:
        return float if float in found else int
    return bool if found == {bool} else str
