"""HTML made safely: every string from outside passes through one function."""

import html


def escape(text: object) -> str:
    """Make any text harmless in HTML, between tags and inside quoted attributes.

    Everything a page shows goes through here: run names, statements, units, file names. Nothing else in the
    package turns text into HTML. Control characters, which no page can show, become spaces.

    Args:
        text: Anything that prints.

    Returns:
        The text with ``& < > " '`` written as entities.

    Example:
        >>> escape('<script>alert("run 1")</script>')
        '&lt;script&gt;alert(&quot;run 1&quot;)&lt;/script&gt;'
    """
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in str(text))
    return html.escape(printable, quote=True)


def element(tag: str, *children: str, **attributes: object) -> str:
    """Write one HTML element around children that are HTML already.

    Args:
        tag: Name of the element, ours.
        *children: Finished HTML, or text that went through `escape`.
        **attributes: Attribute values, escaped here; ``class_`` stands for class.

    Returns:
        The element as text.

    Example:
        >>> element("a", escape("A & B"), href="#claims", class_="quiet")
        '<a href="#claims" class="quiet">A &amp; B</a>'
    """
    written = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{written}>{''.join(children)}</{tag}>"
