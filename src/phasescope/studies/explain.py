"""From weights to a report: which algorithm a network runs, what carries it, and what breaks without."""

import dataclasses
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.measures.context import Context
from phasescope.progress import Progress
from phasescope.report.figures.ablations import ablation_bars
from phasescope.report.html import element, escape
from phasescope.report.notebook import LARGEST, figure_html
from phasescope.report.page import Page, Section
from phasescope.report.table import Table, table_html
from phasescope.store import checkpoints
from phasescope.studies.explain_readings import Anatomy, parts_to_read, read_anatomy
from phasescope.studies.explain_sections import hypotheses_section, sections_of
from phasescope.studies.explain_sequences import SequenceExplanation, explain_sequences
from phasescope.studies.explain_words import headline_of, in_plain_words
from phasescope.studies.explanation_page import write_explanation
from phasescope.training.run import Run

REFERENCES = {
    "Progress measures for grokking via mechanistic interpretability (Nanda et al. 2023)": "https://arxiv.org/abs/2301.05217",
    "The clock and the pizza (Zhong et al. 2023)": "https://arxiv.org/abs/2306.17844",
    "Grokking modular arithmetic (Gromov 2023)": "https://arxiv.org/abs/2301.02679",
}


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a network does and how, ready to be shown, read or written.

    Args:
        anatomy: Everything that was read off it: the records.
        sections: The page's sections, figures drawn.
        origin: Where the network comes from, by name.
        command: The command that makes this explanation again.
    """

    anatomy: Anatomy
    sections: tuple[Section, ...]
    origin: Mapping[str, object] = field(default_factory=dict)
    command: str = ""

    @property
    def summary(self) -> str:
        """How well it does its task and which algorithm it is shown to run, in a sentence or two."""
        return headline_of(self.anatomy)

    @property
    def sentences(self) -> list[str]:
        """What was found, in plain words."""
        return in_plain_words(self.anatomy)

    def records(self) -> dict[str, object]:
        """Return everything that was read, as JSON has it."""
        plain = dataclasses.asdict(self.anatomy)
        return {"summary": self.summary, "sentences": self.sentences, **plain}

    def write(self, folder: Path | str) -> Path:
        """Write the page, its records as JSON and its figures as SVG and PNG; all of it or nothing.

        Args:
            folder: Where to; made if it is not there. What it holds of an earlier explanation is replaced.

        Returns:
            The page.

        Raises:
            PhasescopeError: If the folder is a file, or the disk refuses.
        """
        page = Page(
            title=f"What {self.anatomy.name} does, and how",
            summary=self.summary,
            sections=self.sections,
            provenance=self.origin,
            command=self.command,
            references=REFERENCES,
        )
        return write_explanation(page, self.records(), folder)

    def __repr__(self) -> str:
        """Say what it comes to."""
        return f"Explanation of {self.anatomy.name}: {self.summary}"

    def _repr_html_(self) -> str:
        """The summary, the verdicts and the ablations for notebooks, without JavaScript."""
        head = element("p", element("strong", escape(self.anatomy.name)), escape(f": {self.summary}"))
        points = element("ul", *(element("li", escape(sentence)) for sentence in self.sentences))
        verdicts = table_html(_narrow(hypotheses_section(self.anatomy).tables[0]))
        whole = {name: loss for name, loss in self.anatomy.ablations.items() if "." not in name}
        parts = [head, verdicts, points]
        room = LARGEST - sum(len(part.encode()) for part in parts) - 100
        if whole:
            figure = ablation_bars(whole, self.anatomy.before)
            parts.append(figure_html(figure, "ablations", "Loss after each ablation", room))
        return element("div", *parts)


def explain(
    what: Context | Run,
    *,
    step: int | None = None,
    keys: Iterable[int] | None = None,
    name: str = "",
    command: str = "",
    origin: Mapping[str, object] | None = None,
    show: bool = False,
) -> Explanation | SequenceExplanation:
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
    return Explanation(anatomy, sections, origin or {}, command)


def _narrow(verdicts: Table) -> Table:
    """The verdicts without what each hypothesis says at length."""
    columns = [i for i, name in enumerate(verdicts.columns) if name != "what it says"]
    return Table([verdicts.columns[i] for i in columns], [[row[i] for i in columns] for row in verdicts.rows])
