"""From weights to a report: which algorithm a network runs, what carries it, and what breaks without."""

import io
from collections.abc import Iterable, Mapping

from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.progress import Progress
from phasescope.report.figures.ablations import ablation_bars
from phasescope.report.notebook import LARGEST, figure_html
from phasescope.report.table import Table, table_html
from phasescope.store import checkpoints
from phasescope.studies.explain_readings import Anatomy, parts_to_read, read_anatomy
from phasescope.studies.explain_sections import hypotheses_section, sections_of
from phasescope.studies.explain_sequences import explain_sequences
from phasescope.studies.explain_words import headline_of, in_plain_words
from phasescope.studies.explanation import Explanation
from phasescope.training.run import Run

REFERENCES = {
    "Progress measures for grokking via mechanistic interpretability (Nanda et al. 2023)": "https://arxiv.org/abs/2301.05217",
    "The clock and the pizza (Zhong et al. 2023)": "https://arxiv.org/abs/2306.17844",
    "Grokking modular arithmetic (Gromov 2023)": "https://arxiv.org/abs/2301.02679",
}


def explain(
    what: Context | Run,
    *,
    step: int | None = None,
    keys: Iterable[int] | None = None,
    name: str = "",
    command: str = "",
    origin: Mapping[str, object] | None = None,
    show: bool = False,
) -> Explanation:
    """Take a network apart and say what it does, how surely, and what breaks without its parts.

    A run on sequences is explained by ``explain_sequences``: loss along the sequence, heads, circuits.

    Works for every network and task that measures can read. What needs more than it has, such as key
    frequencies, is left out, and the explanation says so.

    Args:
        what: A network with its task and split, or a run.
        step: Which checkpoint of a run; its last, if left out.
        keys: Key frequencies to use instead of those found.
        name: What to call the network.
        command: The command that makes this again, for the page.
        origin: Where the network comes from, for the page.
        show: Whether to show progress.

    Returns:
        The explanation; ``write(folder)`` makes a page of it.

    Raises:
        PhasescopeError: If a run has no such checkpoint, a key is no frequency of the task, or the network's
            logits are not finite.

    Example:
        >>> from phasescope.models.handmade import clock_transformer
        >>> from phasescope.tasks.parse import parse_task
        >>> from phasescope.tasks.split import parse_split
        >>> task = parse_task("a+b mod 13").build()
        >>> context = Context(clock_transformer(13, [2, 5]), task, parse_split("nanda2023:0:0.3").split(task))
        >>> explain(context).summary.rpartition(". ")[2]
        'It is shown to be a clock network.'
    """
    if isinstance(what, Run) and what.is_on_sequences:
        if keys is not None:
            raise PhasescopeError(f"key frequencies are for binary operations; {what.task_name} has none")
        return explain_sequences(what, step=step, name=name, command=command, origin=origin, show=show)
    if isinstance(what, Run):
        at = step if step is not None else checkpoints.last_step(what.folder)
        context = Context(what.model(at), what.task, what.split, keys)
        name = name or f"{what.folder.path.name} at step {at:,}"
        origin = origin or what.folder.read_provenance()
    else:
        if step is not None:
            raise PhasescopeError(f"only a run has steps to choose from; got step {step} and a network")
        context = what if keys is None else what.given(keys)
    if not bool(context.logits.isfinite().all()):
        raise PhasescopeError(
            f"{name or 'the network'} has logits that are not finite; there is nothing to explain"
        )
    with Progress(parts_to_read() + 1, "parts", stream=None if show else io.StringIO()) as progress:
        done = iter(range(parts_to_read() + 1))
        anatomy, context = read_anatomy(
            context, name or "the network", lambda part: progress.update(next(done), part)
        )
        progress.update(next(done), "figures")
        sections = tuple(sections_of(anatomy, context))
        progress.update(parts_to_read() + 1, "done")
    return Explanation(
        anatomy,
        headline_of(anatomy),
        in_plain_words(anatomy),
        sections,
        lambda taken: _in_notebook(anatomy, LARGEST - taken),
        REFERENCES,
        origin or {},
        command,
    )


def _in_notebook(anatomy: Anatomy, room: int) -> list[str]:
    """The verdicts, and the ablations where there is room for their figure."""
    parts = [table_html(_narrow(hypotheses_section(anatomy).tables[0]))]
    whole = {name: loss for name, loss in anatomy.ablations.items() if "." not in name}
    if whole:
        figure = ablation_bars(whole, anatomy.before)
        left = room - len(parts[0].encode()) - 100
        parts.append(figure_html(figure, "ablations", "Loss after each ablation", left))
    return parts


def _narrow(verdicts: Table) -> Table:
    """The verdicts without what each hypothesis says at length."""
    columns = [i for i, name in enumerate(verdicts.columns) if name != "what it says"]
    return Table([verdicts.columns[i] for i in columns], [[row[i] for i in columns] for row in verdicts.rows])
