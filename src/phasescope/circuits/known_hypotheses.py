"""Every hypothesis of the house by name, and the call that weighs them."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from phasescope.circuits import hypotheses
from phasescope.circuits.hypothesis import Hypothesis, Judgement
from phasescope.errors import look_up
from phasescope.measures.context import Context


def _found() -> dict[str, Hypothesis]:
    """The HYPOTHESIS of every file in ``circuits/hypotheses``, in the order of the files' names."""
    files = sorted(module.name for module in pkgutil.iter_modules(hypotheses.__path__))
    modules = [importlib.import_module(f"{hypotheses.__name__}.{name}") for name in files]
    return {module.HYPOTHESIS.name: module.HYPOTHESIS for module in modules}


HYPOTHESES: Mapping[str, Hypothesis] = MappingProxyType(_found())
"""Every hypothesis of the house, by its exact name."""


def weigh_hypotheses(context: Context, names: str | Iterable[str] | None = None) -> dict[str, Judgement]:
    """Hold a network against hypotheses about the algorithm it runs.

    Args:
        context: The network, its task and its split.
        names: Which hypothesis or hypotheses; all that speak of such a task, if left out.

    Returns:
        Name to verdict and evidence.

    Raises:
        PhasescopeError: If a name is unknown.

    Example:
        >>> from phasescope.models.handmade import lookup_network
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(lookup_network(task), task, parse_split("all").split(task))
        >>> {name: found.verdict for name, found in weigh_hypotheses(context).items()}
        {'clock': 'refuted', 'lookup': 'shown', 'pizza': 'refuted'}
    """
    if names is None:
        names = [name for name, hypothesis in HYPOTHESES.items() if hypothesis.speaks_of(context)]
    chosen = look_up("hypothesis", names, HYPOTHESES, f"there are {', '.join(HYPOTHESES)}")
    return {name: hypothesis.judge(context) for name, hypothesis in chosen.items()}
