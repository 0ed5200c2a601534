"""``phasescope reproduce``: a published result from nothing, every number beside the published one."""

from phasescope.cli.arguments import Parser
from phasescope.cli.claims import STUDIES
from phasescope.cli.find_run import add_root
from phasescope.cli.recipe_arguments import preset_recipe
from phasescope.errors import PhasescopeError

_MOST_SEEDS = 1_000


def run(words: list[str]) -> int:
    """Train what is not trained yet, measure it, and hold it against the paper."""
    parser = Parser(
        "reproduce",
        "Train, measure, report: the table on the terminal, report.html and claims.json in the run's folder.",
    )
    parser.add_argument(
        "study", choices=STUDIES, metavar="PAPER", help=f"what to reproduce: {', '.join(STUDIES)}"
    )
    parser.add_argument("--seeds", default="0", metavar="A-B|A,B", help="such as 0-4 or 0,2 (default: 0)")
    parser.add_argument(
        "--steps",
        type=int,
        default=None,
        metavar="N",
        help="optimiser steps (nanda2023 only; default: 16000)",
    )
    add_root(parser)
    options = parser.parse(words)
    seeds = seeds_in(options.seeds)

    if options.study == "phase_changes":
        if options.steps is not None:
            raise PhasescopeError("phase_changes has steps of its own for every task; leave out --steps")
        from phasescope.studies import phase_changes

        phase_changes.reproduce(seeds=seeds, root=options.root)
        return 0

    steps = 16_000 if options.steps is None else options.steps
    preset_recipe(options.study, {"seed": seeds[0], "steps": steps})

    from phasescope.studies.nanda2023 import reproduce

    reproduce(seeds=seeds, steps=steps, root=options.root)
    return 0


def seeds_in(text: str) -> tuple[int, ...]:
    """Return the seeds that a text names, each once, in its order.

    Raises:
        PhasescopeError: If it names none, or what is no seed.

    Example:
        >>> seeds_in("0-2,7")
        (0, 1, 2, 7)
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise PhasescopeError(f"--seeds needs whole numbers, such as 0-4 or 0,2; got {text!r:.60}")
        low, high = int(first), int(last or first)
        if high < low or high - low >= _MOST_SEEDS or high >= 2**32:
            raise PhasescopeError(
                f"--seeds needs at most {_MOST_SEEDS} seeds in rising order; got {part!r:.60}"
            )
        seeds.extend(range(low, high + 1))
    return tuple(dict.fromkeys(seeds))
