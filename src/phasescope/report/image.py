"""Figures as SVG and PNG: the same bytes each time, nothing fetched, text kept as text."""

import base64
import io
import re
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from phasescope.errors import PhasescopeError
from phasescope.report.html import element, escape
from phasescope.report.style import INK, LOOK

_BEFORE_SVG = re.compile(r"^.*?<svg\b", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_GLOBAL_STYLE = re.compile(r"\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_NAMESPACE = re.compile(r'\s(?:xmlns(?::xlink)?|version)="[^"]*"')
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def svg_document(figure: Figure, name: str) -> str:
    """Draw a figure as a stand-alone SVG file.

    Args:
        figure: The figure.
        name: Its name, lower-case letters, digits, _ and -; it seeds the ids inside.

    Returns:
        The document, dark ink on white. The same figure gives the same text.

    Raises:
        PhasescopeError: If the name holds anything else.

    Example:
        >>> from phasescope.report.style import blank
        >>> svg_document(blank(), "empty")[:5]
        '<?xml'
    """
    return _draw_svg(figure, name, "white")


def inline_svg(figure: Figure, name: str, alt: str) -> str:
    """Draw a figure as an SVG element for a page, without background and in the page's text colour.

    Args:
        figure: The figure.
        name: Its name, unlike that of any other figure on the page.
        alt: What a reader who cannot see the figure should know.

    Returns:
        One ``<svg>`` element that needs nothing from outside.

    Raises:
        PhasescopeError: If the name holds anything else.

    Example:
        >>> from phasescope.report.style import blank
        >>> inline_svg(blank(), "empty", "nothing")[:40]
        '<svg role="img" aria-label="nothing" wid'
    """
    drawing = _BEFORE_SVG.sub("", _METADATA.sub("", _draw_svg(figure, name, "none")))
    head, body = drawing.split(">", 1)
    body = _GLOBAL_STYLE.sub("", body).replace(INK, "currentColor").replace("xlink:href=", "href=")
    for reference in ('id="', "url(#", 'href="#'):
        body = body.replace(reference, f"{reference}{name}-")
    return f'<svg role="img" aria-label="{escape(alt)}"{_NAMESPACE.sub("", head)}>{body}'.strip()


def png_bytes(figure: Figure, dpi: int = 160) -> bytes:
    """Draw a figure as a PNG, dark ink on white.

    Args:
        figure: The figure.
        dpi: Pixels per inch.

    Returns:
        The file's bytes.

    Example:
        >>> from phasescope.report.style import blank
        >>> png_bytes(blank())[1:4]
        b'PNG'
    """
    buffer = io.BytesIO()
    with mpl.rc_context(LOOK):
        figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def inline_png(figure: Figure, alt: str, dpi: int = 110) -> str:
    """Draw a figure as an image element that carries its own bytes, in 256 colours to keep them few.

    Args:
        figure: The figure.
        alt: What a reader who cannot see the figure should know.
        dpi: Pixels per inch.

    Returns:
        One ``<img>`` element.

    Example:
        >>> from phasescope.report.style import blank
        >>> inline_png(blank(), "nothing", dpi=10)[:32]
        '<img src="data:image/png;base64,'
    """
    with Image.open(io.BytesIO(png_bytes(figure, dpi))) as drawn:
        small = io.BytesIO()
        drawn.convert("RGB").quantize(256).save(small, format="png", optimize=True)
    data = base64.b64encode(small.getvalue()).decode()
    return element("img", src=f"data:image/png;base64,{data}", alt=alt).removesuffix("</img>")


def write_figure(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a figure as SVG and as PNG.

    Args:
        figure: The figure.
        folder: Where to; made if it is not there.
        name: File name without ending.

    Returns:
        The two paths.

    Raises:
        PhasescopeError: If the name holds anything else.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from phasescope.report.style import blank
        >>> with TemporaryDirectory() as folder:
        ...     [path.name for path in write_figure(blank(), Path(folder), "empty")]
        ['empty.svg', 'empty.png']
    """
    svg = svg_document(figure, name)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.svg", folder / f"{name}.png"
    paths[0].write_text(svg, encoding="utf-8")
    paths[1].write_bytes(png_bytes(figure))
    return paths


def _draw_svg(figure: Figure, name: str, background: str) -> str:
    """Save as SVG text with ids seeded by the name and no date."""
    if not _NAME.fullmatch(name):
        raise PhasescopeError(
            f"a figure's name needs lower-case letters, digits, _ and -; got {name[:80]!r}."
        )
    buffer = io.StringIO()
    with mpl.rc_context({**LOOK, "svg.hashsalt": name}):
        figure.savefig(
            buffer, format="svg", dpi=150, facecolor=background, metadata={"Date": None, "Creator": None}
        )
    return buffer.getvalue()
