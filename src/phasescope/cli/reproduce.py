"""``phasescope reproduce``: a published result from nothing, every number beside the published one."""

import argparse

from phasescope.cli.arguments import Parser
from phasescope.cli.claims import STUDIES
from phasescope.cli.find_run import add_root
from phasescope.errors import PhasescopeError
from phasescope.training.variation import preset_recipe

_MOST_SEEDS = 1_000
_OF_GROUPS = ("groups", "architectures", "minutes")
"""Flags that only the study of groups has."""


def run(words: list[str]) -> int:
    """Train what is not trained yet, measure it, and hold it against the paper."""
    parser = Parser(
        "reproduce",
        "Train, measure, report: the table on the terminal, report.html and claims.json in the run's folder.",
    )
    parser.add_argument(
        "study", choices=STUDIES, metavar="PAPER", help=f"what to reproduce: {' or '.join(STUDIES)}"
    )
    parser.add_argument("--seeds", metavar="A-B|A,B", help="such as 0-4 or 0,2 (default: 0; of groups: 1-4)")
    parser.add_argument(
        "--steps", type=int, metavar="N", help="optimiser steps (default: 16000; of groups: as published)"
    )
    parser.add_argument("--groups", metavar="A,B", help="chughtai2023: which groups (default: C113,D59,S5)")
    parser.add_argument("--architectures", metavar="A,B", help="chughtai2023: mlp, transformer or both")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="chughtai2023: train each run at most this long, and go on"
        " where it stopped when called again",
    )  # fmt: skip
    add_root(parser)
    options = parser.parse(words)
    if options.study == "chughtai2023":
        return _groups(options)
    for flag in _OF_GROUPS:
        if getattr(options, flag) is not None:
            raise PhasescopeError(f"--{flag} belongs to chughtai2023; leave it out for {options.study}")
    seeds = seeds_in(options.seeds or "0")
    steps = 16_000 if options.steps is None else options.steps
    preset_recipe(options.study, {"seed": seeds[0], "steps": steps})

    from phasescope.studies.nanda2023 import reproduce

    try:
        reproduce(seeds=seeds, steps=steps, root=options.root)
    except KeyboardInterrupt as stopped:
        raise type(stopped)("stopped; what is trained is on the disk, and the same command goes on") from None
    return 0


def _groups(options: argparse.Namespace) -> int:
    """The study of networks that multiply in a group."""
    from phasescope.studies.chughtai2023_claims import GROUPS

    seeds = seeds_in(options.seeds or "1-4")
    groups = tuple((options.groups or ",".join(GROUPS)).split(","))
    architectures = tuple((options.architectures or "mlp,transformer").split(","))
    for group in groups:
        for architecture in architectures:
            given = {"group": group, "architecture": architecture, "steps": options.steps, "seed": seeds[0]}
            preset_recipe("chughtai2023", given)
    if options.minutes is not None and not 0 < options.minutes < float("inf"):
        raise PhasescopeError(f"--minutes needs a positive number; got {options.minutes:g}")

    from phasescope.studies.chughtai2023 import reproduce

    reproduce(groups, architectures, seeds, options.steps, options.minutes, options.root)
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
