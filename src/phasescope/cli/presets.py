"""``phasescope presets``: the published configurations, by name."""

from phasescope.cli.arguments import Parser
from phasescope.cli.text_table import text_table
from phasescope.training.presets import PRESETS


def run(words: list[str]) -> int:
    """Print each preset and what it is."""
    Parser("presets", "List the published configurations that train takes by name.").parse(words)
    about = {name: (preset.__doc__ or "").splitlines()[0] for name, preset in PRESETS.items()}
    rows = ((name, text.removeprefix("Return ").rstrip(".")) for name, text in about.items())
    print(text_table(("preset", "what it is"), rows))
    return 0
