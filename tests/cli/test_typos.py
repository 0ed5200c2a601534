"""A slip of one letter in a key or a flag is answered with the one that was meant."""

import random
import string

from phasescope.cli.arguments import Parser
from phasescope.cli.flags import flags_of
from phasescope.cli.recipe_arguments import recipe_from_words
from phasescope.errors import PhasescopeError
from phasescope.training.presets import chughtai2023, nanda2023
from phasescope.training.recipe import Recipe

LETTERS = string.ascii_lowercase


def one_edit(word: str, rng: random.Random) -> str:
    """The word with one letter lost, added, changed, or swapped with the next."""
    i = rng.randrange(len(word))
    swapped = word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :]
    letter = rng.choice(LETTERS)
    return rng.choice(
        [word[:i] + word[i + 1 :], word[:i] + letter + word[i:], word[:i] + letter + word[i + 1 :], swapped]
    )


def paths(data: dict, above: tuple[str, ...] = ()):
    """Every key of nested dictionaries, with those that lead to it."""
    for key, value in data.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from paths(value, (*above, key))


def test_keys_in_a_file():
    rng = random.Random(0)
    bases = [preset.model_dump(mode="json") for preset in (nanda2023(), chughtai2023("S5"))]
    right = asked = 0
    while asked < 500:
        data = dict(rng.choice(bases))
        path = rng.choice(list(paths(data)))
        section = data
        for key in path[:-1]:
            section[key] = dict(section[key])
            section = section[key]
        typo = one_edit(path[-1], rng)
        if not typo or typo in section:
            continue
        section[typo] = section.pop(path[-1])
        asked += 1
        try:
            Recipe.from_data(data)
        except PhasescopeError as error:
            right += f"did you mean {path[-1]}?" in str(error)
    assert right / asked >= 0.95


def test_flags_on_the_command_line():
    rng = random.Random(0)
    names = [flag.name.removeprefix("--") for flag in flags_of(Recipe).values()]
    right = asked = 0
    while asked < 300:
        name = rng.choice(names)
        typo = one_edit(name, rng)
        if not typo or typo in names or typo.startswith("-"):
            continue
        asked += 1
        try:
            recipe_from_words(Parser("train", ""), ["transformer_lens_demo", f"--{typo}", "1"])
        except PhasescopeError as error:
            right += f"did you mean --{name}?" in str(error)
    assert right / asked >= 0.95
