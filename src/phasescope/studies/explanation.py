"""What a network does and how: one page that opens offline, its records as JSON, its figures beside it."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from phasescope.report.html import element, escape
from phasescope.report.page import Page, Section
from phasescope.report.plain import plain
from phasescope.store.durable import require_folder
from phasescope.studies.explain_readings import Anatomy
from phasescope.studies.explain_sequences_anatomy import SequenceAnatomy
from phasescope.studies.whole_page import write_whole

PAGE, RECORDS = "explanation.html", "explanation.json"


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a network does and how, ready to be shown, read or written.

    Args:
        anatomy: Everything that was read off it: the records.
        summary: How well it does its task and what it is shown to be, in a sentence or two.
        sentences: What was found, in plain words.
        sections: The page's sections, figures drawn.
        in_notebook: The parts that a notebook shows beside the sentences, given how many bytes stand already.
        references: Papers, by title.
        origin: Where the network comes from, by name.
        command: The command that makes this explanation again.
    """

    anatomy: Anatomy | SequenceAnatomy
    summary: str
    sentences: Sequence[str]
    sections: Sequence[Section]
    in_notebook: Callable[[int], Sequence[str]]
    references: Mapping[str, str]
    origin: Mapping[str, object] = field(default_factory=dict)
    command: str = ""

    def records(self) -> dict[str, object]:
        """Return everything that was read, as JSON has it."""
        found = dataclasses.asdict(self.anatomy)
        return {"summary": self.summary, "sentences": list(self.sentences), **found}

    def write(self, folder: Path | str) -> Path:
        """Write the page, its records as JSON and its figures as SVG and PNG; all of it or nothing.

        Args:
            folder: Where to; made if it is not there. What it holds of an earlier explanation is replaced.

        Returns:
            The page.

        Raises:
            PhasescopeError: If the folder is a file, or the disk refuses.
        """
        folder = Path(folder)
        require_folder(folder)
        page = Page(
            title=f"What {self.anatomy.name} does, and how",
            summary=self.summary,
            sections=self.sections,
            provenance=self.origin,
            command=self.command,
            references=self.references,
        )
        text = json.dumps(plain(self.records()), allow_nan=False, ensure_ascii=False, indent=1)
        write_whole(page, folder / PAGE, {RECORDS: text.encode() + b"\n"})
        return folder / PAGE

    def __repr__(self) -> str:
        """Say what it comes to."""
        return f"Explanation of {self.anatomy.name}: {self.summary}"

    def _repr_html_(self) -> str:
        """The summary, the findings and what else a notebook has room for, without JavaScript."""
        head = element("p", element("strong", escape(self.anatomy.name)), escape(f": {self.summary}"))
        points = element("ul", *(element("li", escape(sentence)) for sentence in self.sentences))
        return element("div", head, points, *self.in_notebook(len((head + points).encode())))
