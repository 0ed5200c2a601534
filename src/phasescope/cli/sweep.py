"""``phasescope sweep``: every combination a study file asks for, here or on a Ray cluster."""

from pathlib import Path

from phasescope.cli.arguments import Parser
from phasescope.cli.find_run import add_root
from phasescope.cli.messages import say
from phasescope.cli.studies.arguments import goes_on
from phasescope.sweeps.config import read_sweep
from phasescope.training.variation import sweep_recipes


def run(words: list[str]) -> int:
    """Train what is missing, write table, diagram and page, and say what failed."""
    parser = Parser(
        "sweep",
        "Train every member of a study: a grid, a sample, or both, over any field of a recipe. "
        "The same study again trains only what is missing.",
    )
    parser.add_argument(
        "study", metavar="STUDY.toml", type=Path, help="what to vary; docs/sweeps.md has examples"
    )
    add_root(parser)
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
        default="",
        metavar="ADDRESS",
        help="train on a Ray cluster: its address, or nothing to start one here; all share the runs' folder",
    )
    parser.add_argument(
        "--stacked",
        nargs="?",
        const="cpu",
        default="",
        metavar="DEVICE",
        help="train runs that differ in seeds, labels and decay as one network, on cuda, or else the CPU",
    )
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="runs at a time (default: one per core)"
    )
    parser.add_argument("--dry-run", action="store_true", help="list the members and make nothing")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    options = parser.parse(words)
    config = read_sweep(options.study)
    recipes = sweep_recipes(config)  # refused here, if at all, before anything slow is imported
    if options.dry_run:
        for point, recipe in recipes:
            print(recipe.name, *(f"{name}={value}" for name, value in point.items()))
        return 0
    from phasescope.studies.sweep import sweep

    with goes_on():
        found = sweep(
            config,
            options.root,
            ray=options.ray,
            workers=options.workers,
            stacked=options.stacked,
            show=not options.quiet,
        )
    for member in found.failed:
        say(f"failed: {member.run.folder.path.name}: {member.turn.complaint}")
    print(f"{len(found.members) - len(found.failed)} of {len(found.members)} runs complete")
    print(found.folder / "report.html")
    return 1 if found.failed else 0
