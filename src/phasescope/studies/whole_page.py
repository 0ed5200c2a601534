"""A page put where it belongs with everything beside it: all of it or nothing."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from phasescope.report.page import Page, write_page
from phasescope.store.durable import make_folder, move_durably, temporary_beside, write_durably


def write_whole(page: Page, path: Path, beside: Mapping[str, bytes]) -> None:
    """Write a page, its figures and the files beside it; a disk that fills up leaves what was there before.

    Args:
        page: What it says.
        path: The HTML file; its folder is made if it is not there. Figures of the page that it replaces go.
        beside: Name to content of further files in the same folder.

    Raises:
        PhasescopeError: If the disk refuses.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     write_whole(Page(title="A run"), Path(root) / "new" / "report.html", {"claims.json": b"{}"})
        ...     sorted(file.name for file in (Path(root) / "new").iterdir())
        ['claims.json', 'report.html']
    """
    folder = path.parent.resolve()
    is_new = not folder.exists()
    make_folder(folder)
    draft = temporary_beside(folder / path.name)
    try:
        write_page(page, draft / path.name)
        for name, content in beside.items():
            write_durably(draft / name, content)
        if (folder / "figures").exists() and path.exists():
            shutil.rmtree(folder / "figures")
        for part in sorted(draft.iterdir()):
            move_durably(part, folder / part.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if is_new:
            with suppress(OSError):  # it holds the page
                folder.rmdir()
