"""``phasescope export``: a run's metrics as a table that other programs open."""

from pathlib import Path

from phasescope.cli.arguments import Parser
from phasescope.cli.find_run import add_run_arguments, find_run
from phasescope.errors import PhasescopeError
from phasescope.store.export import export_metrics
from phasescope.store.metrics import read_metrics


def run(words: list[str]) -> int:
    """Write the table and say where."""
    parser = Parser("export", "Write a run's metrics as CSV or Parquet (for which polars is needed).")
    add_run_arguments(parser)
    parser.add_argument("--to", choices=("csv", "parquet"), help="format; else --out tells")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: RUN.csv, here)")
    parser.add_argument("--form", choices=("long", "wide"), default="long", help="a row a value, or a step")
    options = parser.parse(words)
    folder = find_run(options.run, options.root)
    out = options.out or Path(f"{folder.path.absolute().name}.{options.to or 'csv'}")
    if options.to and out.suffix != f".{options.to}":
        raise PhasescopeError(f"--to {options.to} needs --out to end in .{options.to}; got {out}")
    metrics = read_metrics(folder.metrics)
    export_metrics(metrics, out, options.form)
    print(f"{out}: {sum(len(steps) for steps, _ in metrics.values()):,} values of {len(metrics)} metrics")
    return 0
