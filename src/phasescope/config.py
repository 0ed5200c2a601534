"""The base of every configuration record: frozen, typed, and deaf to unknown keys."""

import difflib
import re
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
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


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}")


def _names_a_folder(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"needs 1 to 80 letters, digits or _ . + -, and no sign first; got {name!r:.80}")
    return name


FolderName = Annotated[str, AfterValidator(_names_a_folder)]
"""A name that may begin a folder's everywhere."""

_NEEDS = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "too_short": "{min_length} or more entries",
    "too_long": "at most {max_length} entries",
    "string_too_short": "{min_length} or more letters",
    "string_too_long": "at most {max_length} letters",
    "literal_error": "{expected}",
    "union_tag_invalid": "a kind of {expected_tags}",
}
"""What was needed, in our words, by pydantic's name for what is wrong."""


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
        problem = _problem(first)
    line = f"{where}: {key} {problem}{more}" if key else f"{where}: {problem}{more}"
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return printable if len(printable) <= 300 else printable[:297] + "..."


def _problem(found: ErrorDetails) -> str:
    """What was needed and what came."""
    if found["type"] == "value_error":
        return found["msg"].removeprefix("Value error, ")
    context = found.get("ctx", {})
    came = context["tag"] if found["type"] == "union_tag_invalid" else found["input"]
    if found["type"] not in _NEEDS:
        return f"{found['msg'][0].lower()}{found['msg'][1:]}; got {came!r}"
    needs = _NEEDS[found["type"]].format(**{name: _as_read(bound) for name, bound in context.items()})
    return f"needs {needs}; got {came!r}"


def _as_read(bound: object) -> str:
    """A bound as one reads it: 2,048, 0.5, 1 rather than 1.0."""
    if isinstance(bound, float):
        return f"{bound:g}"
    return f"{bound:,}" if isinstance(bound, int) else str(bound)


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
