"""What is claimed beyond the cells, of digits, depth and context (no torch here).

Of context it was written before any run; of digits and depth after the first runs of these had been seen.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from phasescope.evidence.claim import Claim
from phasescope.evidence.rules import Above
from phasescope.phases.abruptness import Abruptness, abruptness, halfway
from phasescope.phases.changepoints import Break
from phasescope.phases.series import Series
from phasescope.store.metrics import Points

Written = Mapping[str, Points]
"""What a run wrote down: name to (steps, values)."""

GAINS, NO_GAIN = -0.6, -0.35
"""In-context-learning scores, nats: below the first the context is used, from the second up it hardly is."""
MATCHES = 0.5
"""Prefix-matching score from which a head is an induction head."""
SOLVED, UNSOLVED = 0.95, 0.5
"""Accuracy from which a task is solved, and below which it is not."""
DIGITS = 5
"""Digits of each number added; the sum has one more."""

_DEPTH = "nanda2023, repeated subsequences; elhage2021, virtual attention heads"
_CONTEXT = "olsson2022, in-context learning and induction heads"
_ADDITION = "nanda2023, 5-digit addition"


@dataclass(frozen=True, eq=False)
class Finding:
    """One claim about runs of one kind, judged by the share of seeds whose run bears it out.

    Args:
        of: Which kind of run it is about.
        id: Short name.
        statement: What is claimed, its threshold included.
        source: Where it is published.
        holds: Whether what one run wrote down bears it out.
    """

    of: Hashable
    id: str
    statement: str
    source: str
    holds: Callable[[Written], bool]

    @property
    def claim(self) -> Claim:
        """The claim, as it is printed before any run."""
        return Claim(
            id=self.id,
            statement=self.statement,
            source=self.source,
            quantity=f"share of seeds:{self.id}",
            published=1.0,
            rule=Above(bound=1.0),
        )


def end_of(written: Written, name: str) -> float:
    """Return the last value of a series."""
    return float(written[name][1][-1])


def fall_of(written: Written, name: str) -> Abruptness:
    """Return the change of a series that falls: a loss, or the in-context-learning score."""
    return abruptness(Series.of(*written[name]))


def matching(written: Written) -> Series:
    """Return the best head's prefix matching with its sign turned, so that its rise is a fall."""
    steps, values = written["prefix_matching"]
    return Series.of(steps, -values)


def heads_form(written: Written) -> Break | None:
    """Return when the best head's prefix matching is halfway up; None if it never is."""
    return halfway(matching(written))


def halves(written: Written) -> dict[int, Break]:
    """Return when the loss of each digit is halfway, 0 the leading one; the last look if it never is."""
    series = {digit: Series.of(*written[f"digit_{digit}"]) for digit in range(DIGITS + 1)}
    return {digit: halfway(one) or Break(one.last, one.last, one.last) for digit, one in series.items()}


def falls(written: Written) -> dict[int, Abruptness]:
    """Return the change of each digit's loss, 0 the leading one."""
    return {digit: fall_of(written, f"digit_{digit}") for digit in range(DIGITS + 1)}


def _heads_form_at_the_gain(written: Written) -> bool:
    """Whether prefix matching is halfway while the in-context-learning score falls abruptly."""
    formed, gain = heads_form(written), fall_of(written, "in_context_learning")
    return formed is not None and gain.abrupt and gain.begins.low <= formed.step <= gain.ends.high


def _leading_digits_first(written: Written) -> bool:
    """Whether the leading digit is half learnt first, then the next, intervals apart from all later ones."""
    half = halves(written)
    return all(
        half[first].high < min(half[later].low for later in range(first + 1, DIGITS + 1)) for first in (0, 1)
    )


def _at_least(name: str, bound: float) -> Callable[[Written], bool]:
    return lambda written: end_of(written, name) >= bound


def _below(name: str, bound: float) -> Callable[[Written], bool]:
    return lambda written: end_of(written, name) < bound


def _abrupt(name: str) -> Callable[[Written], bool]:
    return lambda written: fall_of(written, name).abrupt


def _smooth(name: str) -> Callable[[Written], bool]:
    return lambda written: not fall_of(written, name).abrupt


_MATCHING = f"a head's prefix matching ends at {MATCHES} or above"
_NO_MATCHING = f"no head's prefix matching ends at {MATCHES} or above"


def _of_digits(about: str, statement: str, holds: Callable[[Written], bool]) -> Finding:
    return Finding("digits", f"digits-{about}", f"5-digit addition: {statement}.", _ADDITION, holds)


def _of_depth(
    task: str, n_layers: int, about: str, statement: str, holds: Callable[[Written], bool]
) -> Finding:
    words = f"{task}, {n_layers} layer{'s' * (n_layers > 1)}: {statement}."
    return Finding((task, n_layers), f"{task}-{n_layers}l-{about}", words, _DEPTH, holds)


def _of_context(network: str, about: str, statement: str, holds: Callable[[Written], bool]) -> Finding:
    slug = network.replace(",", "").replace(" ", "-")
    return Finding(
        network, f"context-{slug}-{about}", f"toy language, {network}: {statement}.", _CONTEXT, holds
    )


ONE, TWO, THREE, SMEARED = NETWORKS = ("1 layer", "2 layers", "3 layers", "1 layer, smeared keys")
"""The networks that learn the toy language."""

FINDINGS: tuple[Finding, ...] = (
    _of_digits("order", "the leading digit is half learnt first, then the next one", _leading_digits_first),
    _of_digits(
        "change",
        "the loss of each of the six digits falls abruptly",
        lambda written: all(fall.abrupt for fall in falls(written).values()),
    ),
    _of_depth("repeats", 2, "change", "test loss falls abruptly", _abrupt("test_loss")),
    _of_depth("repeats", 2, "heads", _MATCHING, _at_least("prefix_matching", MATCHES)),
    _of_depth("repeats", 1, "change", "test loss does not fall abruptly", _smooth("test_loss")),
    _of_depth("repeats", 1, "heads", _NO_MATCHING, _below("prefix_matching", MATCHES)),
    _of_depth("predecessor", 2, "change", "test loss falls abruptly", _abrupt("test_loss")),
    _of_depth(
        "predecessor", 2, "solved", f"accuracy ends at {SOLVED} or above", _at_least("test_accuracy", SOLVED)
    ),
    _of_depth(
        "predecessor", 1, "unsolved", f"accuracy ends below {UNSOLVED}", _below("test_accuracy", UNSOLVED)
    ),
    _of_context(
        ONE,
        "score",
        f"the in-context-learning score ends at {NO_GAIN} nats or above",
        _at_least("in_context_learning", NO_GAIN),
    ),
    _of_context(ONE, "change", "the score does not fall abruptly", _smooth("in_context_learning")),
    _of_context(ONE, "heads", _NO_MATCHING, _below("prefix_matching", MATCHES)),
    *(
        finding
        for network in (TWO, THREE, SMEARED)
        for finding in (
            _of_context(
                network,
                "score",
                f"the in-context-learning score ends below {GAINS} nats",
                _below("in_context_learning", GAINS),
            ),
            _of_context(network, "heads", _MATCHING, _at_least("prefix_matching", MATCHES)),
        )
    ),
    *(
        finding
        for network in (TWO, THREE)
        for finding in (
            _of_context(network, "change", "the score falls abruptly", _abrupt("in_context_learning")),
            _of_context(
                network,
                "moment",
                "prefix matching is halfway while the score falls abruptly",
                _heads_form_at_the_gain,
            ),
        )
    ),
)
"""Every claim, in the order of the report."""
