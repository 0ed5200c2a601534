"""A run's metrics as a table others can open: CSV, or Parquet with the ``parquet`` extra.

Long tables have a row per value (step, name, value). Wide ones have a row per step and a column
per metric, with a blank where a metric was not looked at; a value that is not a number is ``nan``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from phasescope.errors import PhasescopeError
from phasescope.store.metrics import Points
from phasescope.store.table_file import write_table

Form = Literal["long", "wide"]
Table = dict[str, list[int] | list[str] | list[float] | list[float | None]]


def export_metrics(metrics: Mapping[str, Points], path: Path, form: Form = "long") -> None:
    """Write metrics to a file, in the format its ending names.

    Args:
        metrics: As ``read_metrics`` gives them.
        path: Ends in ``.csv`` or ``.parquet``; replaced whole.
        form: ``long`` or ``wide``.

    Raises:
        PhasescopeError: If the ending is another, or Parquet is asked for without its extra.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> metrics = {"train_loss": (np.array([0, 100]), np.array([4.7, 1e-7]))}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_metrics(metrics, Path(folder) / "metrics.csv", form="wide")
        ...     (Path(folder) / "metrics.csv").read_text().splitlines()
        ['step,train_loss', '0,4.7', '100,1e-07']
    """
    if path.suffix not in (".csv", ".parquet"):
        raise PhasescopeError(f"metrics are exported to .csv or .parquet; got {path.name}")
    table = _long(metrics) if form == "long" else _wide(metrics)
    types = {"step": int, "name": str} if form == "long" else {"step": int}
    write_table(table, path, {name: types.get(name, float) for name in table})


def _long(metrics: Mapping[str, Points]) -> Table:
    """A row per value, by step and then by name."""
    rows = sorted(
        (int(step), name, float(value))
        for name, (steps, values) in metrics.items()
        for step, value in zip(steps, values, strict=True)
    )
    return {
        "step": [step for step, _, _ in rows],
        "name": [name for _, name, _ in rows],
        "value": [value for _, _, value in rows],
    }


def _wide(metrics: Mapping[str, Points]) -> Table:
    """A row per step, a column per metric; None where there is no value."""
    if "step" in metrics:
        raise PhasescopeError(
            "a wide table has its own column step; export a metric named step in the long form"
        )
    steps = sorted({int(step) for these, _ in metrics.values() for step in these})
    table: Table = {"step": steps}
    for name, (these, values) in sorted(metrics.items()):
        value_at = dict(zip(these.tolist(), values.tolist(), strict=True))
        table[name] = [value_at.get(step) for step in steps]
    return table
