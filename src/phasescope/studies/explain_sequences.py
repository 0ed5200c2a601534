"""From a run on sequences to a report: where its loss is, what its heads do, which circuit answers."""

import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from phasescope.circuits.sequences.context import SequenceContext
from phasescope.errors import PhasescopeError
from phasescope.progress import Progress
from phasescope.report.html import element, escape
from phasescope.report.page import Page, Section
from phasescope.report.table import Table, table_html
from phasescope.store import checkpoints
from phasescope.studies.explain_sequences_anatomy import SequenceAnatomy
from phasescope.studies.explain_sequences_readings import parts_to_read, read_sequences
from phasescope.studies.explain_sequences_sections import sections_of
from phasescope.studies.explain_sequences_words import headline_of, in_plain_words
from phasescope.studies.explanation_page import write_explanation
from phasescope.tasks.any_task import SequenceTaskConfig
from phasescope.tasks.drawn import DrawnSplit, StreamSplit
from phasescope.tasks.sequences import Sequences
from phasescope.training.run import Run

MOST_SEQUENCES = 512
"""So many sequences are read at the most, of those held out and of those trained on."""

REFERENCES = {
    "A mathematical framework for transformer circuits (Elhage et al. 2021)": "https://transformer-circuits.pub/2021/framework/index.html",
    "In-context learning and induction heads (Olsson et al. 2022)": "https://arxiv.org/abs/2209.11895",
    "Understanding addition in transformers (Quirke and Barez 2023)": "https://arxiv.org/abs/2310.13121",
}


@dataclass(frozen=True, eq=False)
class SequenceExplanation:
    """What a network on sequences does and how, ready to be shown, read or written.

    Args:
        anatomy: Everything that was read off it: the records.
        sections: The page's sections, figures drawn.
        origin: Where the network comes from, by name.
        command: The command that makes this explanation again.
    """

    anatomy: SequenceAnatomy
    sections: tuple[Section, ...]
    origin: Mapping[str, object] = field(default_factory=dict)
    command: str = ""

    @property
    def summary(self) -> str:
        """How well it answers and which circuits are shown, in a sentence or two."""
        return headline_of(self.anatomy)

    @property
    def sentences(self) -> list[str]:
        """What was found, in plain words."""
        return in_plain_words(self.anatomy)

    def records(self) -> dict[str, object]:
        """Return everything that was read, as JSON has it."""
        return {"summary": self.summary, "sentences": self.sentences, **dataclasses.asdict(self.anatomy)}

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
        """The summary and the verdicts for notebooks, without JavaScript."""
        head = element("p", element("strong", escape(self.anatomy.name)), escape(f": {self.summary}"))
        points = element("ul", *(element("li", escape(sentence)) for sentence in self.sentences))
        rows = [(name, found.verdict) for name, found in self.anatomy.judgements.items()]
        return element("div", head, table_html(Table(("circuit", "verdict"), rows)) if rows else "", points)


def explain_sequences(
    run: Run,
    *,
    step: int | None = None,
    name: str = "",
    command: str = "",
    origin: Mapping[str, object] | None = None,
    show: bool = False,
) -> SequenceExplanation:
    """Take a run on sequences apart: loss along the sequence, heads, circuits, what every part is for.

    It is asked the sequences that its recipe holds out, at most 512 of them.

    Args:
        run: A run on a sequence task, with at least one checkpoint.
        step: Which checkpoint; its last, if left out.
        name: What to call the network.
        command: The command that makes this again, for the page.
        origin: Where the network comes from, for the page; else its provenance.
        show: Whether to show progress.

    Returns:
        The explanation; ``write(folder)`` makes a page of it.

    Raises:
        PhasescopeError: If the run has no such checkpoint, or its logits are not finite.
    """
    at = step if step is not None else checkpoints.last_step(run.folder)
    name = name or f"{run.folder.path.name} at step {at:,}"
    held_out, trained = _examples(run)
    context = SequenceContext(run.model(at), held_out)
    if not bool(context.logits.isfinite().all()):
        raise PhasescopeError(f"{name} has logits that are not finite; there is nothing to explain")
    task = run.recipe.task
    assert isinstance(task, SequenceTaskConfig), "its examples were drawn"
    with Progress(parts_to_read() + 1, "parts", stream=None if show else io.StringIO()) as progress:
        done = iter(range(parts_to_read() + 1))
        anatomy, drawn = read_sequences(
            context,
            task,
            name,
            trained=trained,
            series=run,
            tick=lambda part: progress.update(next(done), part),
        )
        progress.update(next(done), "figures")
        sections = tuple(sections_of(anatomy, drawn, task))
        progress.update(parts_to_read() + 1, "done")
    return SequenceExplanation(anatomy, sections, origin or run.folder.read_provenance(), command)


def _examples(run: Run) -> tuple[Sequences, Sequences | None]:
    """Some sequences that are held out, and some that are trained on where they are listed."""
    split = run.recipe.split
    if isinstance(split, StreamSplit):
        return _some(split.test(run.sequences)), None
    assert isinstance(split, DrawnSplit), "a recipe on sequences has one or the other"
    trained, held_out = split.draw(run.sequences)
    return _some(held_out), _some(trained)


def _some(examples: Sequences) -> Sequences:
    return examples.take(np.arange(min(MOST_SEQUENCES, len(examples.tokens))))
