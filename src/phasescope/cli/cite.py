"""``phasescope cite``: the papers behind measures, as BibTeX."""

import difflib

from phasescope.cli.arguments import Parser
from phasescope.cli.bibliography import BIBLIOGRAPHY
from phasescope.errors import PhasescopeError


def run(words: list[str]) -> int:
    """Print an entry for each paper."""
    parser = Parser("cite", "Print BibTeX for what measures rest on.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="measures, or keys such as nanda2023; everything if left out"
    )
    names = parser.parse(words).names
    wanted = [key for name in names for key in _keys(name)] or list(BIBLIOGRAPHY)
    print("\n\n".join(BIBLIOGRAPHY[key].bibtex for key in dict.fromkeys(wanted)))
    return 0


def _keys(name: str) -> tuple[str, ...]:
    """The papers that a key or a measure names."""
    if name in BIBLIOGRAPHY:
        return (name,)
    from phasescope.measures.measure import MEASURES  # torch comes with it

    if name in MEASURES:
        return MEASURES[name].references
    near = difflib.get_close_matches(name, [*BIBLIOGRAPHY, *MEASURES], n=1)
    hint = f"; did you mean {near[0]}?" if near else "; phasescope cite lists the keys"
    raise PhasescopeError(f"{name!r:.80} is no measure and no paper{hint}")
