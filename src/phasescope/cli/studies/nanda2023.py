"""``phasescope reproduce nanda2023``: the paper's mainline, over one seed or several."""

from phasescope.cli.studies.arguments import goes_on, seeds_in, study_parser
from phasescope.training.variation import preset_recipe


def run(words: list[str]) -> int:
    """Train, measure and judge the mainline."""
    parser = study_parser(
        "nanda2023",
        "Train, measure, report: the table on the terminal, report.html and claims.json in the run's folder.",
        seeds="0",
        steps="16000",
    )
    options = parser.parse(words)
    seeds = seeds_in(options.seeds)
    steps = 16_000 if options.steps is None else options.steps
    preset_recipe("nanda2023", {"seed": seeds[0], "steps": steps})

    from phasescope.studies.nanda2023 import reproduce

    with goes_on():
        reproduce(seeds=seeds, steps=steps, root=options.root)
    return 0
