"""``phasescope train``: train a recipe, or go on with it."""

import argparse
from pathlib import Path

from phasescope.cli.arguments import Parser
from phasescope.cli.find_run import add_root
from phasescope.cli.recipe_arguments import recipe_from_words
from phasescope.store.lock import RunLock
from phasescope.store.run_folder import RunFolder, run_name
from phasescope.store.status import read_status
from phasescope.training.recipe import Recipe


def run(words: list[str]) -> int:
    """Train what the words say and tell where it is and how it ended."""
    parser = Parser("train", "Train a recipe. The same recipe again goes on where it stopped, bit for bit.")
    add_training_flags(parser)
    add_root(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="check the recipe, say which run it is, and make nothing"
    )
    recipe, options = recipe_from_words(parser, words)
    path = options.root / run_name(recipe.name, recipe.digest)
    if options.dry_run:
        print(f"{path}\n{recipe.digest}")
        return 0
    if path.exists():
        refuse_if_in_use(RunFolder.open(path))
    return train_and_tell(recipe, options.root, path, options)


def add_training_flags(parser: Parser) -> None:
    """Add what every training command takes."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument(
        "--max-seconds",
        type=float,
        metavar="S",
        help="stop at the first commit after this time; resume later",
    )


def refuse_if_in_use(folder: RunFolder) -> None:
    """Refuse a run that has a writer, before anything slow is imported.

    Raises:
        RunInUse: If another process writes it; says which.
    """
    with RunLock(folder):
        pass


def train_and_tell(recipe: Recipe, root: Path, path: Path, options: argparse.Namespace) -> int:
    """Train, then print the run's folder and outcome; stopped by a signal, say how to go on."""
    try:
        from phasescope.training.engine import train

        trained = train(recipe, root, show_progress=not options.quiet, max_seconds=options.max_seconds)
    except KeyboardInterrupt as stopped:
        step = read_status(RunFolder(path)).step
        advice = f"stopped; step {step} is on the disk; go on with: phasescope resume {path}"
        raise type(stopped)(advice if path.exists() else "stopped; nothing is made yet") from None
    status = trained.status
    print(trained.folder.path)
    print(status.outcome or f"{status.state} at step {status.step}; phasescope resume goes on")
    return 0
