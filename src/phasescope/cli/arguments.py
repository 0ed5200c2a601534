"""Arguments of a command: argparse, with its refusals in one line and a guess at what was meant."""

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from phasescope.errors import PhasescopeError


class Parser(argparse.ArgumentParser):
    """The arguments of one command.

    A flag may not be shortened or repeated, may be spelt with ``_`` for ``-``, and an unknown one is
    answered with the nearest that there is.

    Args:
        command: The command's name.
        description: What it does; its help begins with this.

    Example:
        >>> parser = Parser("train", "train a recipe")
        >>> _ = parser.add_argument("--steps", type=int)
        >>> parser.parse(["--steps", "5"]).steps
        5
        >>> parser.parse(["--stesp", "5"])
        Traceback (most recent call last):
        phasescope.errors.PhasescopeError: phasescope train has no flag --stesp; did you mean --steps?
    """

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"phasescope {command}", description=description, allow_abbrev=False)
        self.register("action", None, _Once)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the values of all arguments.

        Raises:
            PhasescopeError: In one line, if a word is no argument of the command or lacks its value.
        """
        found, unknown = self.parse_known_args([_dashed(word) for word in words])
        if unknown:
            self._refuse(unknown[0])
        return found

    def error(self, message: str) -> NoReturn:
        """Refuse, without the usage that argparse would print first."""
        raise PhasescopeError(f"{self.prog}: {message}; see {self.prog} --help")

    def _refuse(self, word: str) -> NoReturn:
        """Say that a word is not understood, and which one was perhaps meant."""
        if not word.startswith("-"):
            raise PhasescopeError(f"{self.prog} has no place for {word!r:.60}; see {self.prog} --help")
        flag = word.partition("=")[0]
        flags = [name for action in self._actions for name in action.option_strings]
        near = difflib.get_close_matches(flag, flags, n=1)
        next_step = f"did you mean {near[0]}?" if near else f"see {self.prog} --help"
        raise PhasescopeError(f"{self.prog} has no flag {flag:.60}; {next_step}")


class _Once(argparse.Action):
    """Store a value; a flag given twice is a slip that nobody should have to find out about later."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if option_string and getattr(namespace, self.dest, self.default) is not self.default:
            parser.error(f"{option_string} is given twice")
        setattr(namespace, self.dest, values)


def _dashed(word: str) -> str:
    """A flag with ``-`` where it was spelt with ``_``; its value and any other word as they are."""
    if not word.startswith("--"):
        return word
    flag, equals, value = word.partition("=")
    return flag.replace("_", "-") + equals + value
