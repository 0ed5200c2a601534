"""Tasks from text: "a+b mod 113", "a*b in S5"."""

import difflib
import re
import reprlib

from pydantic import ValidationError

from phasescope.config import one_line
from phasescope.errors import PhasescopeError
from phasescope.tasks.config import WORDS, GroupTask, ModularTask, TaskConfig
from phasescope.tasks.operations import POWER2022_OPERATIONS
from phasescope.tasks.task import Layout

POWER2022_TASKS = {name: f"{operation} mod 97" for name, operation in POWER2022_OPERATIONS.items()} | {
    "composition": "a*b in S5",
    "conjugation": "a*b*a^-1 in S5",
    "sandwich": "a*b*a in S5",
}
"""The twelve tasks of power2022 (appendix A.1.1), each as the text that ``parse_task`` reads."""

_TASK = re.compile(
    r"\s*(?P<what>.+?)\s+(?P<where>mod|in)\s+(?P<object>\S+?)(,\s*random labels\s+(?P<seed>[0-9]{1,20}))?\s*"
)
_LONGEST_TEXT = 300


def parse_task(text: str, layout: Layout = "a b =") -> TaskConfig:
    """Read a task from text: an operation mod p, or a word in a group.

    A task's own name reads back as the task, with ", random labels SEED" where it has them.

    Args:
        text: Such as "a+b mod 113", "x^2+x*y mod 97", "a*b in S5" or "a*b*a^-1 in A5".
        layout: What the network reads.

    Returns:
        The task's config.

    Raises:
        PhasescopeError: In one line, if the text is no task.

    Example:
        >>> parse_task("x + y mod 113").build().name
        'a+b mod 113'
        >>> parse_task("a*b in S5, random labels 3").label_seed
        3
        >>> try:
        ...     parse_task("a+b")
        ... except PhasescopeError as error:
        ...     print(error)
        a task reads like 'a+b mod 113' or 'a*b in S5'; got 'a+b'
    """
    found = _TASK.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if not found:
        raise PhasescopeError(f"a task reads like 'a+b mod 113' or 'a*b in S5'; got {reprlib.repr(text)}")
    values: dict[str, object] = {"layout": layout}
    if found["seed"]:
        values |= {"labels": "random", "label_seed": int(found["seed"])}
    kind: type[ModularTask] | type[GroupTask]
    if found["where"] == "mod":
        if not re.fullmatch("[0-9]{1,20}", found["object"]):
            raise PhasescopeError(
                f"a modulus is a whole number of at least 2; got {reprlib.repr(found['object'])}"
            )
        kind, values = ModularTask, values | {"operation": found["what"], "p": int(found["object"])}
    else:
        kind, values = GroupTask, values | {"word": _word(found["what"]), "group": found["object"]}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise PhasescopeError(one_line(error, kind, f"task {reprlib.repr(text)}")) from None


def _word(text: str) -> str:
    """The word that some text spells, operands named a and b, factors joined by * or nothing."""
    plain = re.sub(r"[\s*·()]", "", text).replace("x", "a").replace("y", "b").replace("⁻¹", "^-1")
    words = {spelling.replace("*", ""): word for word, spelling in WORDS.items()}
    if plain not in words:
        near = difflib.get_close_matches(plain, words, n=1, cutoff=0.5)
        raise PhasescopeError(
            f"a word in a group is one of {', '.join(WORDS.values())}; got {reprlib.repr(text)}"
            + (f"; did you mean {WORDS[words[near[0]]]}?" if near else "")
        )
    return words[plain]
