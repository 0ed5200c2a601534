"""Measured values as JSON that every reader takes: no NaN, keys as text."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phasescope.report.plain import plain
from phasescope.store.durable import write_durably


def as_json(values: Mapping[str, object]) -> str:
    """Write measures as JSON, in their own order.

    A number that is not finite is null; what is given per frequency is an object keyed by frequency.

    Example:
        >>> as_json({"margin": float("nan"), "excluded_loss": {14: 7.5}, "key_frequencies": [14]})
        '{"margin": null, "excluded_loss": {"14": 7.5}, "key_frequencies": [14]}'
    """
    return json.dumps(plain(values), allow_nan=False, ensure_ascii=False)


def write_json(values: Mapping[str, object], path: Path) -> None:
    r"""Put measures into a file, whole or not at all.

    Raises:
        PhasescopeError: If the disk refuses.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json({"loss": 1.0}, Path(folder) / "measures.json")
        ...     (Path(folder) / "measures.json").read_text()
        '{"loss": 1.0}\n'
    """
    write_durably(path, as_json(values).encode() + b"\n")


def with_earlier_series(content: dict[str, Any], path: Path) -> int:
    """Add to a run's series those that stand in its file already and were not measured now.

    Series belong together only where they were read with the same key frequencies; a file that says
    otherwise, or that is not one of ours, gives nothing.

    Args:
        content: What was measured: "task", "split", "key_frequencies", "key_rule" and "series".
        path: The file, if there is one.

    Returns:
        How many series were added.

    Example:
        >>> import tempfile
        >>> def of(**series): return {"key_rule": "final", "key_frequencies": (3,), "series": series}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(of(loss=[2.0], margin=[0.5]), Path(folder) / "measures.json")
        ...     now = of(loss=[1.0])
        ...     with_earlier_series(now, Path(folder) / "measures.json"), now["series"]
        (1, {'loss': [1.0], 'margin': [0.5]})
    """
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        same = {**earlier, "series": None} == {**json.loads(as_json(content)), "series": None}
        found = dict(earlier["series"]) if same else {}
    except (OSError, ValueError, TypeError, KeyError):
        return 0
    added = {name: points for name, points in found.items() if name not in content["series"]}
    content["series"].update(added)
    return len(added)
