"""The four regimes of learning, as liu2022 names them, of a run's outcome."""

from typing import Literal, get_args

from phasescope.phases.outcome import Outcome

Regime = Literal["comprehension", "grokking", "memorisation", "confusion"]
REGIMES: tuple[Regime, ...] = get_args(Regime)


def regime_of(outcome: Outcome) -> Regime:
    """Name the regime that a run's outcome belongs to.

    Comprehension: test follows train at once. Grokking: test follows late. Memorisation: train is solved,
    test never within the run. Confusion: not even train is solved; a run that diverged counts here. The
    original takes 90 % accuracy and a thousand steps of delay; here both are those of ``phases.outcome``
    (99 %, and twice the time that train took), so that a run has one outcome everywhere.

    References:
        liu2022: Towards understanding grokking, section 4.

    Example:
        >>> regime_of(Outcome("not by", 16_000, 100, train_step=140))
        'memorisation'
    """
    match outcome.kind:
        case "generalised at once" | "learnt":
            return "comprehension"
        case "grokked":
            return "grokking"
        case "not by":
            return "memorisation"
        case "never memorised" | "diverged":
            return "confusion"
