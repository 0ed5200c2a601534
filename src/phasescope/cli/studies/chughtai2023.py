"""``phasescope reproduce chughtai2023``: networks that multiply in a group, over groups and architectures."""

from phasescope.cli.studies.arguments import goes_on, seeds_in, study_parser
from phasescope.errors import PhasescopeError
from phasescope.training.variation import preset_recipe


def run(words: list[str]) -> int:
    """Train, measure and judge the networks asked for."""
    from phasescope.studies.chughtai2023_claims import ARCHITECTURES, GROUPS

    parser = study_parser(
        "chughtai2023",
        "Train networks on groups and hold them against the paper's tables, and against stander2023.",
        seeds="1-4",
        steps="as published",
    )
    parser.add_argument("--groups", default=",".join(GROUPS), metavar="A,B", help="(default: %(default)s)")
    parser.add_argument(
        "--architectures", default=",".join(ARCHITECTURES), metavar="A,B", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="train each run at most this long, and go on where it stopped when called again",
    )
    options = parser.parse(words)
    seeds = seeds_in(options.seeds)
    groups, architectures = options.groups.split(","), options.architectures.split(",")
    for group in groups:
        for architecture in architectures:
            given = {"group": group, "architecture": architecture, "steps": options.steps, "seed": seeds[0]}
            preset_recipe("chughtai2023", given)
    if options.minutes is not None and not 0 < options.minutes < float("inf"):
        raise PhasescopeError(f"--minutes needs a positive number; got {options.minutes:g}")

    from phasescope.studies.chughtai2023 import reproduce

    with goes_on():
        reproduce(tuple(groups), tuple(architectures), seeds, options.steps, options.minutes, options.root)
    return 0
