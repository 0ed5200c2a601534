"""``phasescope reproduce``: a published result from nothing, every number beside the published one."""

import argparse
from collections.abc import Callable
from typing import cast

from phasescope.cli.arguments import Parser
from phasescope.cli.find_run import add_root
from phasescope.errors import PhasescopeError, look_up
from phasescope.tasks.parse import POWER2022_TASKS
from phasescope.training.presets import POWER2022_ARMS, Arm
from phasescope.training.variation import preset_recipe

_MOST_SEEDS = 1_000


def run(words: list[str]) -> int:
    """Train what is not trained yet, measure it, and hold it against the paper."""
    parser = Parser(
        "reproduce",
        "Train, measure, report: the table on the terminal, report.html and claims.json in the run's folder.",
    )
    parser.add_argument("study", metavar="STUDY", help=f"what to reproduce: {', '.join(STUDIES)}")
    parser.add_argument(
        "--seeds", metavar="A-B|A,B", help="such as 0-4 or 0,2 (default: 0; data_regimes 0-2)"
    )
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="optimiser steps (default: 16000; power2022 3000, data_regimes 4000)",
    )
    group = parser.add_argument_group("flags of power2022")
    group.add_argument(
        "--operations", metavar="A,B", help=f"of: {', '.join(POWER2022_TASKS)}; or text such as a*b"
    )
    group.add_argument(
        "--fractions", metavar="X,Y", help="shares of the pairs that are trained on (default: 0.5)"
    )
    group.add_argument("--arms", metavar="A,B", help=f"of: {', '.join(POWER2022_ARMS)} (default: adamw)")
    parser.add_argument("--ray", nargs="?", const="local", metavar="ADDRESS", help="as of phasescope sweep")
    add_root(parser)
    options = parser.parse(words)
    return look_up("study", options.study, STUDIES, f"there are {', '.join(STUDIES)}")[options.study](options)


def _nanda2023(options: argparse.Namespace) -> int:
    _refuse(options, "operations", "fractions", "arms", "ray")
    seeds, steps = seeds_in(options.seeds or "0"), options.steps or 16_000
    preset_recipe("nanda2023", {"seed": seeds[0], "steps": steps})

    from phasescope.studies.nanda2023 import reproduce

    reproduce(seeds=seeds, steps=steps, root=options.root)
    return 0


def _power2022(options: argparse.Namespace) -> int:
    from phasescope.studies.power2022 import OPERATIONS, reproduce

    seeds, steps = seeds_in(options.seeds or "0"), options.steps or 3_000
    operations = options.operations.split(",") if options.operations else OPERATIONS
    arms = (options.arms or "adamw").split(",")
    look_up("arm", arms, POWER2022_ARMS, f"there are {', '.join(POWER2022_ARMS)}")
    fractions = _fractions_in(options.fractions or "0.5")
    for operation in operations:
        preset_recipe("power2022", {"operation": operation, "steps": steps, "fraction": fractions[0]})
    reproduce(
        seeds,
        steps,
        options.root,
        operations=operations,
        fractions=fractions,
        arms=cast(list[Arm], arms),
        ray=options.ray or "",
    )
    return 0


def _data_regimes(options: argparse.Namespace) -> int:
    _refuse(options, "operations", "fractions", "arms")
    seeds, steps = seeds_in(options.seeds or "0-2"), options.steps or 4_000
    preset_recipe("nanda2023", {"steps": steps})

    from phasescope.studies.data_regimes import reproduce

    reproduce(seeds, steps, options.root, ray=options.ray or "")
    return 0


STUDIES: dict[str, Callable[[argparse.Namespace], int]] = {
    "nanda2023": _nanda2023,
    "power2022": _power2022,
    "data_regimes": _data_regimes,
}


def _refuse(options: argparse.Namespace, *names: str) -> None:
    """Refuse flags that belong to another study."""
    for name in names:
        if getattr(options, name) is not None:
            raise PhasescopeError(f"{options.study} has no flag --{name}; see phasescope reproduce --help")


def _fractions_in(text: str) -> tuple[float, ...]:
    """Return the shares that a text names."""
    try:
        fractions = tuple(float(part) for part in text.split(","))
    except ValueError:
        fractions = ()
    if not fractions or not all(0 < fraction <= 1 for fraction in fractions):
        raise PhasescopeError(
            f"--fractions needs numbers above 0 and up to 1, such as 0.3,0.5; got {text!r:.60}"
        )
    return fractions


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
