"""A sweep as data: what its members share, and the values in which they differ."""

import math
import tomllib
import zlib
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from phasescope.config import Config, FolderName, one_line
from phasescope.errors import PhasescopeError

Value = bool | int | float | str | None
Point = dict[str, Value]
"""A member's own values, by the dotted name of the recipe's field."""


def _list_of_values(given: object) -> object:
    """Refuse in one sentence what pydantic would refuse once for each type that a value may have."""
    if isinstance(given, Mapping):
        raise ValueError(
            'needs a list of values; got a table (nested fields are written "optimiser.kind" = [...])'
        )
    if not isinstance(given, list | tuple) or not given:
        raise ValueError(f"needs a list of values, such as [0.3, 0.5]; got {given!r:.80}")
    for value in given:
        if not isinstance(value, Value) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"needs values that are finite numbers, texts, true or false; got {value!r:.80}")
    return tuple(given)


Values = Annotated[tuple[Value, ...], BeforeValidator(_list_of_values)]

MOST_MEMBERS = 100_000
_LARGEST_FILE = 1_000_000


class Range(Config):
    """Numbers between two bounds, drawn evenly or evenly in the logarithm."""

    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    scale: Literal["linear", "log"] = "linear"
    """log draws the logarithm evenly."""
    whole: bool = False
    """Whether the number is rounded to a whole one."""

    @model_validator(mode="after")
    def _bounds_fit(self) -> "Range":
        if self.low > self.high or (self.scale == "log" and self.low <= 0):
            raise ValueError(
                f"needs low <= high, and low > 0 on a log scale; got {self.low:g} and {self.high:g}"
            )
        return self

    def at(self, share: float) -> float | int:
        """Return the value a share of the way from low to high.

        Example:
            >>> Range(low=1e-4, high=1.0, scale="log").at(0.5)
            0.01
        """
        if self.scale == "log":
            value = self.low * math.exp(share * math.log(self.high / self.low))
            value = float(f"{value:.6g}")  # a number one can type again
        else:
            value = float(f"{self.low + share * (self.high - self.low):.6g}")
        return round(value) if self.whole else value


def _range_or_values(given: object) -> object:
    """Make the range at once, for its own words; a list is left to the list's."""
    if not isinstance(given, Mapping):
        return given if isinstance(given, Range) else _list_of_values(given)
    try:
        return Range.model_validate(given)
    except ValidationError as error:
        raise ValueError(one_line(error, Range, "is no range")) from None


Choice = Annotated[Range | Values, BeforeValidator(_range_or_values)]


class Sample(Config):
    """Points drawn at random; each field has a stream of its own, so that a new field moves no other."""

    n: int = Field(ge=1, le=MOST_MEMBERS)
    """Points to draw."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the draws."""
    of: dict[str, Choice] = Field(min_length=1)
    """By field, a range or the values to choose from."""

    def points(self) -> list[Point]:
        """Draw them; more points later leave the first ones as they are."""
        drawn = {name: self._draw(name, choice) for name, choice in self.of.items()}
        return [{name: values[i] for name, values in drawn.items()} for i in range(self.n)]

    def _draw(self, name: str, choice: "Range | tuple[Value, ...]") -> list[Value]:
        shares = np.random.default_rng([self.seed, zlib.crc32(name.encode())]).random(self.n)
        if isinstance(choice, Range):
            return [choice.at(float(share)) for share in shares]
        return [choice[int(share * len(choice))] for share in shares]


class Diagram(Config):
    """The two fields over which outcomes are drawn; the others are counted inside a cell."""

    x: str
    """Field along the bottom."""
    y: str
    """Field up the side."""


class SweepConfig(Config):
    """What a study file says: the grid, times the samples, laid over a recipe.

    A name at the top of ``recipe`` or of a grid that is a parameter of the preset goes to the preset, as a
    flag of ``phasescope train`` does: ``seed`` of nanda2023 moves weights and split together.

    Example:
        >>> sweep = SweepConfig(name="two", grid={"seed": (0, 1), "optimiser.weight_decay": (0.3, 1.0)})
        >>> sweep.points()[1]
        {'seed': 0, 'optimiser.weight_decay': 1.0}
    """

    name: FolderName
    """Name of the sweep; its results lie in ``sweep-NAME`` among the runs."""
    preset: str = ""
    """A published configuration to start from; without one ``recipe`` says everything."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    """What every member shares, as a recipe file writes it."""
    grid: dict[str, Values] = Field(default_factory=dict)
    """By field, the values it takes; every combination is a member."""
    sample: Sample | None = None
    """Points drawn at random, each combined with the whole grid."""
    diagram: Diagram | None = None
    """Axes of the phase diagram; by default the first two numbers of the grid other than seeds."""

    @model_validator(mode="after")
    def _fields_fit(self) -> "SweepConfig":
        sampled = dict(self.sample.of) if self.sample else {}
        if twice := self.grid.keys() & sampled.keys():
            raise ValueError(f"{min(twice)} is both in the grid and in the sample; choose one")
        if "threads" in self.grid or "threads" in sampled:
            raise ValueError("every member takes one thread; leave threads out")
        if self.diagram and self.diagram.x == self.diagram.y:
            raise ValueError(f"diagram needs two different fields; got {self.diagram.x} twice")
        n = math.prod(map(len, self.grid.values())) * (self.sample.n if self.sample else 1)
        if n > MOST_MEMBERS:
            raise ValueError(f"a sweep has at most {MOST_MEMBERS:,} members; this one has {n:,}")
        for axis in (self.diagram.x, self.diagram.y) if self.diagram else ():
            if axis not in self.grid and axis not in sampled:
                raise ValueError(f"diagram: {axis} is not in the grid and not in the sample")
        return self

    def points(self) -> list[Point]:
        """Return every member's own values: the samples, each with every combination of the grid."""
        drawn = self.sample.points() if self.sample else [{}]
        combinations = [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]
        return [point | combination for point in drawn for combination in combinations]

    def axes(self) -> tuple[str, str] | None:
        """Return the fields over which outcomes are drawn, x and y; None if there are no two."""
        if self.diagram is not None:
            return self.diagram.x, self.diagram.y
        varied = [name for name, values in self.grid.items() if len(values) > 1] + [
            name for name in (self.sample.of if self.sample else ())
        ]
        chosen = [name for name in varied if name.rpartition(".")[2] != "seed"]
        return (chosen[0], chosen[1]) if len(chosen) >= 2 else None


def read_sweep(path: Path) -> SweepConfig:
    """Read a study file.

    Raises:
        PhasescopeError: In one line, if it is not there, not TOML, or not a sweep.

    Example:
        >>> read_sweep(Path("nope.toml"))
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: nope.toml cannot be read: No such file or directory
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise PhasescopeError(f"{path} needs to be a study below 1 MB; it is larger")
        return sweep_from_data(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except PhasescopeError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise PhasescopeError(f"{path!s:.120} cannot be read: {reason}") from None


def sweep_from_data(data: Mapping[str, Any], where: str = "sweep") -> SweepConfig:
    """Make a sweep of plain dictionaries, lists, numbers and strings, as TOML gives them.

    Raises:
        PhasescopeError: In one line, if it is not a sweep.
    """
    try:
        return SweepConfig.model_validate(dict(data))
    except ValidationError as error:
        raise PhasescopeError(one_line(error, SweepConfig, where)) from None
