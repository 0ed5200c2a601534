"""The recipe a command starts from, when it is a file: TOML, JSON, or a run's folder."""

import difflib
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.store.run_folder import RunFolder
from phasescope.training.presets import PRESETS
from phasescope.training.recipe import Recipe

_LARGEST_RECIPE = 1_000_000


def read_recipe(source: str) -> Recipe:
    """Read a recipe from a file or from the folder of a run.

    Args:
        source: Ends in .toml or .json, or is a folder that has a recipe.json.

    Returns:
        The recipe.

    Raises:
        PhasescopeError: In one line, if there is none, or it is not valid.

    Example:
        >>> read_recipe("nanda203")
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: nanda203 is no preset and no file; did you mean nanda2023?
    """
    path = Path(source)
    try:
        if path.is_dir():
            return Recipe.from_json(RunFolder.open(path).recipe_json(), str(path / "recipe.json"))
        if not path.exists():
            raise PhasescopeError(f"{source:.120} is no preset and no file; {_hint(source)}")
        if not path.is_file() or path.suffix not in (".toml", ".json"):
            raise PhasescopeError(f"{source:.120} needs to be a .toml or .json file, or a run's folder")
        if path.suffix == ".toml":
            return Recipe.from_toml(path)
        if path.stat().st_size > _LARGEST_RECIPE:
            raise PhasescopeError(f"{source:.120} needs to be a recipe below 1 MB; it is larger")
        return Recipe.from_json(path.read_bytes(), source)
    except PhasescopeError:
        raise
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a NUL, no permission
        reason = getattr(error, "strerror", None) or error
        raise PhasescopeError(f"{source:.120} cannot be read: {reason}") from None


def _hint(source: str) -> str:
    """The preset that was perhaps meant, or all of them."""
    near = difflib.get_close_matches(source, PRESETS, n=1)
    return f"did you mean {near[0]}?" if near else f"the presets are {', '.join(PRESETS)}"
