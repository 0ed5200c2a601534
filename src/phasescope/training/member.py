"""One member of a sweep, as a worker trains it: ``python -m phasescope.training.member ROOT``."""

import sys
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.training.engine import train
from phasescope.training.recipe import Recipe


def work(recipe_json: str, root: Path) -> str:
    """Train a recipe, or go on with it, without a word; return why it failed, or nothing.

    Example:
        >>> work("{}", Path("runs"))
        'recipe: needs task and split'
    """
    try:
        train(Recipe.from_json(recipe_json), root=root, show_progress=False)
    except PhasescopeError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    complaint = work(sys.stdin.read(), Path(sys.argv[1]))
    if complaint:
        sys.exit(complaint)
