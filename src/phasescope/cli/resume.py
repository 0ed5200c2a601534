"""``phasescope resume``: go on with a run where it stopped."""

from phasescope.cli.arguments import Parser
from phasescope.cli.find_run import add_run_arguments, find_run
from phasescope.cli.train import add_training_flags, refuse_if_in_use, train_and_tell
from phasescope.training.recipe import Recipe


def run(words: list[str]) -> int:
    """Continue a run; a finished one is only told about."""
    parser = Parser("resume", "Go on with a run at its last commit, as if it had never stopped.")
    add_run_arguments(parser)
    add_training_flags(parser)
    options = parser.parse(words)
    folder = find_run(options.run, options.root)
    recipe = Recipe.from_json(folder.recipe_json(), str(folder.recipe))
    refuse_if_in_use(folder)
    return train_and_tell(recipe, folder.path.absolute().parent, folder.path, options)
