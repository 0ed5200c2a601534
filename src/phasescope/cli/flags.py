"""Flags drawn from types: one for every field of a record and of the records inside it.

A field added to a recipe is a flag the same day, with its own description for help. Nothing is
checked here beyond what text can mean; the record itself refuses, in the words it has for files too.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

Path = tuple[str, ...]
"""The keys that lead to a field, such as ("optimiser", "weight_decay")."""


@dataclass(frozen=True)
class Flag:
    """One value that can be given: its place, the types it may have there, and what it is for.

    Example:
        >>> Flag(("stop", "when"), (Literal["never", "plateau"],), "When to end.").metavar
        'never|plateau'
    """

    path: Path
    """Where it belongs."""
    types: tuple[object, ...]
    """One type, or one for each member of a union that has the field."""
    purpose: str
    """The field's own description."""

    @property
    def name(self) -> str:
        """The flag as it is typed."""
        return "--" + ".".join(self.path).replace("_", "-")

    @property
    def is_kind_of_union(self) -> bool:
        """Whether this chooses among records of different fields."""
        return self.path[-1] == "kind" and len(self.types) > 1

    def is_one_record(self, *kinds: object) -> bool:
        """Whether one record of the union goes by all these kinds, as a split of pairs does."""
        return any(set(kinds) <= set(get_args(kind)) for kind in self.types)

    @property
    def metavar(self) -> str:
        """What stands for the value in the help."""
        parts = self._parts()
        words = dict.fromkeys(str(word) for part in parts for word in get_args(part))
        plain = {str: "TEXT", bool: "true|false", int: "N", float: "X"}
        return "|".join(words) or next((plain[part] for part in parts if part in plain), "JSON")

    def value(self, text: str) -> object:
        """Return what a text means here: itself where text is wanted, else a number, a list, true or null.

        A text that is none of these is left as it is, for the type to refuse by name.
        """
        if any(part is str or get_origin(part) is Literal for part in self._parts()):
            return text
        for read in (int, _finite, _json):
            try:
                return read(text)
            except (ValueError, RecursionError):
                continue
        return text

    def _parts(self) -> list[Any]:
        return [part for kind in self.types for part in _members(kind)]


def flags_of(record: type[BaseModel]) -> dict[Path, Flag]:
    """Return a flag for every field of a record and of the records inside it.

    Example:
        >>> from phasescope.training.recipe import Recipe
        >>> flags = flags_of(Recipe)
        >>> flags["optimiser", "weight_decay"].name, flags["model", "causal"].metavar
        ('--optimiser.weight-decay', 'true|false')
        >>> flags["split", "fraction"].value(".3"), flags["task", "operation"].value("3")
        (0.3, '3')
    """
    flags: dict[Path, Flag] = {}
    for flag in _walk(record, ()):
        known = flags.get(flag.path)
        flags[flag.path] = Flag(flag.path, known.types + flag.types, known.purpose) if known else flag
    return flags


def _walk(record: type[BaseModel], above: Path) -> Iterator[Flag]:
    """Every field that holds a value rather than a record, at any depth."""
    for name, field in record.model_fields.items():
        members = _members(field.annotation)
        inside = [kind for kind in members if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for kind in inside:
            yield from _walk(kind, (*above, name))
        if not inside:
            yield Flag((*above, name), (field.annotation,), " ".join((field.description or "").split()))


def _members(kind: Any) -> list[Any]:
    """A type, or the members of a union; a tuple counts as what it holds."""
    if get_origin(kind) is None or get_origin(kind) is Literal:
        return [kind]
    return [member for part in get_args(kind) for member in _members(part)]


def _finite(text: str) -> float:
    """A finite number, or ValueError."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _json(text: str) -> object:
    """JSON without NaN and infinities, or ValueError."""

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    parsed: object = json.loads(text, parse_constant=refuse)
    return parsed
