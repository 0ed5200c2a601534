"""One function makes text harmless."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasescope.report.html import element, escape


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_any_text_comes_back_as_text_and_nothing_else(text: str) -> None:
    page = Reader(element("p", escape(text), title=text))
    assert [tag for tag, _ in page.tags] == ["p"]
    assert set(page.tags[0][1]) == {"title"}
    readable = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    assert page.text == readable
    assert page.tags[0][1]["title"] == readable


@pytest.mark.parametrize("text", ["<", ">", "&", '"', "'"])
def test_each_of_the_five_is_an_entity(text: str) -> None:
    assert escape(text).startswith("&")
    assert escape(text).endswith(";")


def test_terminal_commands_and_nulls_become_spaces() -> None:
    assert escape("a\x1b[31mb\x00c") == "a [31mb c"


def test_numbers_and_none_are_escaped_as_their_text() -> None:
    assert escape(3.5) == "3.5"
    assert element("td", escape(None)) == "<td>None</td>"
