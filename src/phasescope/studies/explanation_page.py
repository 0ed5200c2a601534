"""An explanation on disk: one page that opens offline, its records as JSON, its figures beside it."""

import json
from collections.abc import Mapping
from pathlib import Path

from phasescope.report.page import Page
from phasescope.report.plain import plain
from phasescope.store.durable import require_folder
from phasescope.studies.whole_page import write_whole

PAGE, RECORDS = "explanation.html", "explanation.json"


def write_explanation(page: Page, records: Mapping[str, object], folder: Path | str) -> Path:
    """Write the page, its records as JSON and its figures as SVG and PNG; all of it or nothing.

    Args:
        page: What is said.
        records: All that was read.
        folder: Where to; made if it is not there. What it holds of an earlier explanation is replaced.

    Returns:
        The page.

    Raises:
        PhasescopeError: If the folder is a file, or the disk refuses.
    """
    folder = Path(folder)
    require_folder(folder)
    text = json.dumps(plain(records), allow_nan=False, ensure_ascii=False, indent=1)
    write_whole(page, folder / PAGE, {RECORDS: text.encode() + b"\n"})
    return folder / PAGE
