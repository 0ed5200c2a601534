"""The pages' HTML: served with links to their scripts, or written as one file that holds everything."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from phasescope.report.html import element, escape

RUN_SCRIPTS = (
    "svg.js", "pen.js", "lines.js", "spectrum.js", "circles.js", "planes.js", "logits.js", "sequence.js",
    "claims.js", "data.js", "cards.js", "time.js", "run.js",
)  # fmt: skip
STORE_SCRIPTS = ("svg.js", "store.js")
STATIC = {"page.css": "text/css"} | dict.fromkeys((*RUN_SCRIPTS, *STORE_SCRIPTS), "text/javascript")
"""Every file a page may load, with its type: nothing else is ever served from the package."""


@cache
def static_text(name: str) -> str:
    """Return one of the files in ``STATIC``.

    Example:
        >>> static_text("page.css").startswith("/*")
        True
    """
    assert name in STATIC, "callers look it up first"
    return (files("phasescope.viewer") / "static" / name).read_text(encoding="utf-8")


def served_page(title: str, scripts: tuple[str, ...], **facts: str) -> str:
    """Write a page whose scripts come from the server.

    Args:
        title: Of the window.
        scripts: Names in ``STATIC``.
        **facts: What the scripts need to begin, as data attributes of the body.

    Example:
        >>> "&lt;b&gt;" in served_page("<b>", (), run="0f")
        True
    """
    head = [
        *_head(title),
        '<link rel="stylesheet" href="/static/page.css">',
        *(f'<script defer src="/static/{name}"></script>' for name in scripts),
    ]
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in facts.items())
    return _document("".join(head), f"<body{data}>{_SHELL}</body>")


def single_page(title: str, record: Mapping[str, Any]) -> str:
    """Write a run's page as one file: style, scripts and data inside, nothing loaded from anywhere.

    The browser is told so too: its policy allows these very scripts, by their digests, and no others.

    Args:
        title: Of the window.
        record: All the page shows.
    """
    style, script = static_text("page.css"), "\n".join(static_text(name) for name in RUN_SCRIPTS)
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    # within a script element only "</" and "<!--" could end the data; escaped, JSON means the same
    data = json.dumps(record, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    head = [
        *_head(title),
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        element("style", style),
    ]
    body = (
        f'<body>{_SHELL}<script type="application/json" id="record">{data}</script>'
        f"<script>{script}</script></body>"
    )
    return _document("".join(head), body)


def _head(title: str) -> list[str]:
    return [
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">',
        element("title", escape(title)),
    ]


def _document(head: str, body: str) -> str:
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>{body}</html>\n'


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_SHELL = (
    '<main id="main"><p id="notice" role="status">Loading …</p></main>'
    "<noscript><p>This page draws with JavaScript, all of it inside the page.</p></noscript>"
)
