"""Whether a run may end before its last step: a function of the looked-at values alone.

So a resumed run, which reads them back, ends where the uninterrupted one does.
"""

from itertools import pairwise

from phasescope.training.recipe import Recipe

History = dict[str, list[tuple[int, float]]]
"""Series by name, each a list of (step, value) in the order of steps."""

_GENERALISED = 0.99


def should_stop(recipe: Recipe, history: History) -> bool:
    """Say whether the recipe's stop rule holds at its last regular looks.

    Args:
        recipe: Its ``stop`` names the rule.
        history: Losses and accuracies so far.

    Example:
        >>> from phasescope.training.presets import nanda2023
        >>> should_stop(nanda2023(), {})
        False
    """
    stop, every = recipe.stop, recipe.schedule.look_every
    if stop.when == "never":
        return False

    def recent(name: str, n: int) -> list[float]:
        regular = [value for step, value in history.get(name, []) if step > 0 and step % every == 0]
        return regular[-n:] if len(regular) >= n else []

    train, test = (recent(f"{side}_loss", stop.patience + 1) for side in ("train", "test"))
    if not train or not test:
        return False
    if stop.when == "cleaned_up":
        accuracy = recent("test_accuracy", stop.patience)
        within = zip(test[1:], train[1:], strict=True)
        return min(accuracy) >= _GENERALISED and all(a <= stop.ratio * b for a, b in within)
    # a plateau: no look differs by more than the tolerance from the one before
    return all(
        abs(now - before) <= stop.tolerance * abs(before)
        for series in (train, test)
        for before, now in pairwise(series)
    )
