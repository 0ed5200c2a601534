"""Answers kept while nothing changed, so that a thousand who ask at once cost one reading."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The answers given last, each with the condition it was given in; safe to ask from many threads.

    Args:
        at_most: How many answers are kept.

    Example:
        >>> kept = Kept[str](2)
        >>> [kept.get("run", condition, lambda: word) for condition, word in ((1, "a"), (1, "b"), (2, "c"))]
        ['a', 'a', 'c']
    """

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self._answers: OrderedDict[Hashable, tuple[object, T]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._change = threading.Lock()

    def get(self, key: Hashable, condition: object, make: Callable[[], T]) -> T:
        """Return the answer kept for a key, or make it anew where the condition is another.

        Args:
            key: What is asked.
            condition: Anything comparable that differs whenever the answer may.
            make: Makes the answer; of many who ask for it at once one does.
        """
        with self._change:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._change:
                known = self._answers.get(key)
                if known is not None and known[0] == condition:
                    self._answers.move_to_end(key)
                    return known[1]
            answer = make()
            with self._change:
                self._answers[key] = (condition, answer)
                while len(self._answers) > self.at_most:
                    forgotten, _ = self._answers.popitem(last=False)
                    self._making.pop(forgotten, None)
            return answer
