"""``phasescope report``: a run's page, its evidence and its figures."""

from phasescope.cli.arguments import Parser
from phasescope.cli.find_run import add_run_arguments, find_run
from phasescope.errors import PhasescopeError
from phasescope.models.config import TransformerConfig
from phasescope.tasks.config import ModularTask
from phasescope.training.recipe import Recipe


def run(words: list[str]) -> int:
    """Measure the run, judge it, write its page, and say where that is."""
    parser = Parser("report", "Write a run's page: report.html, claims.json, and its figures as PNG and SVG.")
    add_run_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    options = parser.parse(words)
    folder = find_run(options.run, options.root)
    recipe = Recipe.from_json(folder.recipe_json(), str(folder.recipe))
    if not _is_nandas(recipe):
        raise PhasescopeError(
            f"report knows transformers that add mod p, with '=' at the end; {folder.path.name} is another "
            "problem or network: phasescope measure and export are for every run"
        )

    from phasescope.studies.nanda2023 import report
    from phasescope.training.run import Run

    print(report(Run(folder), show=not options.quiet))
    return 0


def _is_nandas(recipe: Recipe) -> bool:
    """Whether the claims of nanda2023 can be asked of a run at all."""
    task = recipe.task
    adds = isinstance(task, ModularTask) and (task.operation, task.layout) == ("a+b", "a b =")
    return adds and isinstance(recipe.model, TransformerConfig)
