"""The base of every configuration record: frozen, typed, and deaf to unknown keys."""

import difflib
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails


class Config(BaseModel):
    """A frozen record that refuses unknown keys, numbers given as text, and non-finite numbers.

    Example:
        >>> class Knob(Config):
        ...     size: int = 3
        >>> Knob(size=4)
        Knob(size=4)
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, strict=True
    )


def option(default: Any, **bounds: Any) -> Any:
    """Return a field that is left out of the text that is digested while it has its default.

    So an option that joins later leaves the names of all earlier runs as they are.
    """
    return Field(default=default, exclude_if=lambda value: bool(value == default), **bounds)


def one_line(error: ValidationError, record: type[BaseModel], where: str) -> str:
    """Say the first thing that is wrong in a record: which key, what it needs, what came.

    Args:
        error: What pydantic found.
        record: The record that refused, for the names of its keys.
        where: The file or place the values came from.

    Returns:
        One line of at most 300 characters, control characters escaped.

    Example:
        >>> class Knob(Config):
        ...     size: int = 3
        >>> try:
        ...     Knob.model_validate({"sise": 4})
        ... except ValidationError as error:
        ...     one_line(error, Knob, "knob.toml")
        'knob.toml: sise is not a key; did you mean size?'
    """
    errors = error.errors(include_url=False)
    # a misspelt key is both unknown and missed: what was typed says more than what was not
    first = next((found for found in errors if found["type"] == "extra_forbidden"), errors[0])
    names = _known_names(record)
    location = [str(part) for part in first["loc"]]
    unknown = location[-1:] if first["type"] == "extra_forbidden" else _misspelt_kind(first)
    location += [name for name in unknown if name != location[-1]]
    # a union's discriminator appears in the location; it is no key of the user's
    key = ".".join(part for part in location if part in names or part == location[-1])
    more = _and_more(len(errors) - 1)
    if unknown:
        near = difflib.get_close_matches(unknown[0], names, n=1, cutoff=0.5)
        problem = "is not a key" + (f"; did you mean {near[0]}?" if near else "")
    elif first["type"] == "missing":
        missing = [".".join(map(str, found["loc"])) for found in errors if found["type"] == "missing"]
        key, problem, more = "", f"needs {' and '.join(missing)}", _and_more(len(errors) - len(missing))
    elif first["type"] == "union_tag_not_found":
        problem = "needs a kind, which says what it is"
    else:
        came = f"; got {first['input']!r}"
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] in ("union_tag_invalid", "value_error"):
            came = ""
        problem = message if first["type"] == "value_error" else f"{message[0].lower()}{message[1:]}{came}"
    line = f"{where}: {key} {problem}{more}" if key else f"{where}: {problem}{more}"
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return printable if len(printable) <= 300 else printable[:297] + "..."


def _and_more(n: int) -> str:
    return f" (and {n} more)" if n else ""


def _misspelt_kind(found: ErrorDetails) -> list[str]:
    """The key of a union's member that was perhaps meant to be its kind, if the kind is missing."""
    if found["type"] != "union_tag_not_found" or not isinstance(found["input"], dict):
        return []
    return difflib.get_close_matches("kind", [str(key) for key in found["input"]], n=1, cutoff=0.5)


def _known_names(record: type[BaseModel]) -> set[str]:
    """Every key of a record and of the records inside it."""
    names: set[str] = set()
    waiting: list[object] = [record]
    while waiting:
        item = waiting.pop()
        if isinstance(item, type) and issubclass(item, BaseModel):
            for name, field in item.model_fields.items():
                names.add(name)
                waiting.append(field.annotation)
        waiting.extend(get_args(item))
    return names
