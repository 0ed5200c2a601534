"""Natural text, character by character: the language reference that every Python ships."""

import hashlib
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Int64
from pydantic import Field

from phasescope.config import Config
from phasescope.errors import PhasescopeError
from phasescope.tasks.sequences import Sequences, SequenceTask, asked_nowhere

ALPHABET = " !\"#$%&'()*+,-./0123456789:;<=>?@[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
"""The characters that are kept, in the order of their tokens: printable ASCII without capitals."""


@lru_cache(maxsize=1)
def python_text() -> str:
    """Return the topics of ``pydoc``, the language reference: English prose with some grammar in it.

    They come with every Python, in alphabetical order; capitals are made small, whitespace is one space, and
    characters outside the alphabet are left out. About 400,000 characters. The text differs between versions
    of Python: its digest says which it is.

    Raises:
        PhasescopeError: If this Python comes without them, as some reduced distributions do.

    Example:
        >>> set(python_text()) <= set(ALPHABET), "expression" in python_text()
        (True, True)
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise PhasescopeError(
            "natural text needs the topics of pydoc, which this Python comes without (module pydoc_data)"
        ) from None
    words = " ".join(topics[name] for name in sorted(topics)).lower().split()
    return "".join(c for c in " ".join(words) if c in ALPHABET)


def text_digest() -> str:
    """Return the first sixteen hexadecimal digits of the SHA-256 of the text that this Python ships."""
    return hashlib.sha256(python_text().encode()).hexdigest()[:16]


class TextTask(Config):
    """Windows of natural text that do not overlap; the next character is asked everywhere.

    A recipe holds the digest of its text, so that its name says what it was trained on; where Python ships
    another text, nothing is drawn. The text is finite: a stream comes back to the same windows, and those it
    is tested on are among them, whereas a drawn set holds text out.

    Notes: ``word`` (letters and digits of the word read so far, 0 between words) and ``seen`` (1 where the
    same two characters, this and the asked one, have stood together in the window before, 0 where not).

    Example:
        >>> task = TextTask(n_ctx=24)
        >>> some = task.build().draw(np.random.default_rng(0), 2)
        >>> text = "".join(ALPHABET[token] for token in some.tokens[0])
        >>> text in python_text(), ALPHABET[some.targets[0, 3]] == text[4]
        (True, True)
    """

    kind: Literal["text"] = "text"
    n_ctx: int = Field(default=64, ge=4, le=1024)
    """Characters of a window."""
    digest: str = Field(default_factory=text_digest, pattern=r"^[0-9a-f]{16}$")
    """Of the text; left out, that of the text which this Python ships."""

    def build(self) -> SequenceTask:
        """Return the task."""
        name = f"natural text, {self.n_ctx} characters of pydoc topics {self.digest[:8]}"
        words = {token: "␣" if character == " " else character for token, character in enumerate(ALPHABET)}
        return SequenceTask(name, self.n_ctx, len(ALPHABET), len(ALPHABET), self._draw, words=words)

    def _draw(self, stream: np.random.Generator, n: int) -> Sequences:
        if self.digest != text_digest():
            raise PhasescopeError(
                f"this needs the pydoc topics of digest {self.digest}; this Python ships {text_digest()}: "
                "run it with the version of Python that it was made with"
            )
        windows = _windows(self.n_ctx)
        tokens = windows[stream.integers(len(windows), size=n)]
        targets, word, seen = (asked_nowhere(n, self.n_ctx) for _ in range(3))
        targets[:, :-1] = tokens[:, 1:]
        in_word = np.array([c.isalnum() for c in ALPHABET])[tokens]
        length = np.zeros(n, dtype=np.int64)
        for at in range(self.n_ctx - 1):
            length = np.where(in_word[:, at], length + 1, 0)
            word[:, at] = length
            pair = (tokens[:, :at] == tokens[:, at, None]) & (
                tokens[:, 1 : at + 1] == tokens[:, at + 1, None]
            )
            seen[:, at] = pair.any(axis=1)
        return Sequences(tokens, targets, {"word": word, "seen": seen})


@lru_cache(maxsize=4)
def _windows(n_ctx: int) -> Int64[np.ndarray, "window pos"]:
    """Every window, in the order of the text; cut once."""
    place = {c: token for token, c in enumerate(ALPHABET)}
    tokens = np.array([place[c] for c in python_text()])
    n = len(tokens) // n_ctx
    return np.asarray(tokens[: n * n_ctx].reshape(n, n_ctx))
