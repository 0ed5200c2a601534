"""A recipe from the command line: a preset or a file, with flags laid over it.

What flags say is laid over the base as plain data and validated once, so a bad flag and a bad line
in a file are refused by the same rules in the same words.
"""

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, Field, ValidationError, create_model

from phasescope.cli.arguments import Parser
from phasescope.cli.flags import Flag, Path, flags_of
from phasescope.cli.recipe_source import read_recipe
from phasescope.config import Config, one_line
from phasescope.errors import PhasescopeError
from phasescope.tasks.any_task import SequenceTaskConfig
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import parse_split
from phasescope.training.presets import PRESETS
from phasescope.training.recipe import Recipe

Flags = Mapping[Path, Flag]


def recipe_from_words(parser: Parser, words: Sequence[str]) -> tuple[Recipe, argparse.Namespace]:
    """Read a command's words: a recipe to start from, then flags of the recipe and of the command.

    Args:
        parser: Has the command's own flags already.
        words: The words after the command's name; the recipe comes first.

    Returns:
        The recipe, valid, and the values of the command's own flags.

    Raises:
        PhasescopeError: In one line, if a word is not understood or the recipe is not valid.

    Example:
        >>> words = ["nanda2023", "--seed", "3", "--optimiser.weight-decay", ".3"]
        >>> recipe, _ = recipe_from_words(Parser("train", ""), words)
        >>> recipe.seed, recipe.split.seed, recipe.optimiser.weight_decay
        (3, 3, 0.3)
    """
    source = words[0] if words and not words[0].startswith("-") else ""
    if not source and not {"-h", "--help"} & set(words):
        raise PhasescopeError(f"{parser.prog} needs a recipe first: {', '.join(PRESETS)}, or a file")
    parameters = flags_of(_parameters_of(source)) if source in PRESETS else {}
    fields = {path: flag for path, flag in flags_of(Recipe).items() if path not in parameters}
    _describe(parser, source, parameters, fields)
    options = parser.parse(words)
    if source in PRESETS:
        base = preset_recipe(source, {path[0]: value for path, value in _given(options, parameters).items()})
    else:
        base = read_recipe(source)
    given = _given(options, fields)
    if not given and options.task is None and options.split is None:
        return base, options
    data = base.model_dump(mode="json")
    if options.task is not None:
        layout = "a b =" if isinstance(base.task, SequenceTaskConfig) else base.task.layout
        data["task"] = parse_task(options.task, layout).model_dump(mode="json")
    if options.split is not None:
        data["split"] = parse_split(options.split).model_dump(mode="json")
    for path in sorted(given, key=lambda path: not fields[path].is_kind_of_union):
        _lay_over(data, fields[path], given[path])
    return Recipe.from_data(data, "flags"), options


def _describe(parser: Parser, preset: str, parameters: Flags, fields: Flags) -> None:
    """Tell the parser of the recipe and all its flags, section by section."""
    parser.usage = f"{parser.prog} RECIPE [--flag VALUE ...]"
    parser.add_argument(
        "recipe", metavar="RECIPE", help=f"{', '.join(PRESETS)}; a .toml or .json file; or a run's folder"
    )
    parser.add_argument("--task", metavar="TEXT", help="the whole task at once, such as 'a*b in S5'")
    parser.add_argument("--split", metavar="TEXT", help="the whole split at once, such as nanda2023:0:0.3")
    titles = dict.fromkeys(path[:-1] for path in fields)
    sections = [(f"of {preset}, where one may change several parts", parameters)] if parameters else []
    for above in titles:
        inside = {path: flag for path, flag in fields.items() if path[:-1] == above}
        sections.append((" ".join(("of the recipe's", *above)) if above else "of the recipe", inside))
    for title, flags in sections:
        group = parser.add_argument_group(f"flags {title}")
        for path, flag in flags.items():
            purpose = flag.purpose.replace("%", "%%")
            group.add_argument(flag.name, dest=".".join(path), metavar=flag.metavar, help=purpose)


def _given(options: argparse.Namespace, flags: Flags) -> dict[Path, object]:
    """The flags that were given, with what they mean."""
    texts = {path: getattr(options, ".".join(path)) for path in flags}
    return {path: flags[path].value(text) for path, text in texts.items() if text is not None}


def _lay_over(data: dict[str, Any], flag: Flag, value: object) -> None:
    """Put a value in its place; another kind of task or network starts from that kind's defaults."""
    *above, last = flag.path
    for key in above:
        data = data[key]
    if flag.is_kind_of_union and not flag.is_one_record(data[last], value):
        data.clear()
    data[last] = value


@cache
def _parameters_of(preset: str) -> type[BaseModel]:
    """A record whose fields are the parameters of a preset."""
    fields: dict[str, Any] = {
        name: (parameter.annotation, Field(parameter.default, description=f"default: {parameter.default}"))
        for name, parameter in inspect.signature(PRESETS[preset]).parameters.items()
    }
    return create_model(preset, __base__=Config, **fields)


def preset_recipe(name: str, given: Mapping[str, object]) -> Recipe:
    """Call a preset with some of its parameters, refusing in one line what is wrong with them.

    Args:
        name: One of ``PRESETS``.
        given: Values by parameter; the preset's own for the rest.

    Raises:
        PhasescopeError: In one line, naming the parameter or the part of the recipe.

    Example:
        >>> preset_recipe("nanda2023", {"steps": 5})
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: nanda2023: optimiser.warmup_steps=10 must not exceed steps=5
    """
    try:
        values = _parameters_of(name).model_validate(dict(given))
        make: Callable[..., Recipe] = PRESETS[name]
        return make(**dict(values))
    except ValidationError as error:
        raise PhasescopeError(one_line(error, Recipe, name)) from None
