"""Threads that share out the parts of one job.

Who takes which part is chance, so a job is cut the same way whatever the number of threads, and a part
writes only what is its own.
"""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache


class Crew:
    """A fixed number of threads, the caller's own among them.

    Args:
        threads: How many; with one nothing is started.

    Example:
        >>> done = []
        >>> Crew(threads=2).share_out(done.append, 5)
        >>> sorted(done)
        [0, 1, 2, 3, 4]
    """

    def __init__(self, threads: int = 1) -> None:
        self.size = threads
        self.others = threads - 1
        self.pool = ThreadPoolExecutor(self.others) if self.others > 0 else None

    def share_out(self, do_part: Callable[[int], object], n_parts: int) -> None:
        """Do the parts ``0, ..., n_parts - 1``, each once, and return when all are done."""
        if self.pool is None or n_parts == 1:
            for part in range(n_parts):
                do_part(part)
            return
        parts = itertools.count()  # whoever is free takes the next: a step of it is one instruction

        def work() -> None:
            while (part := next(parts)) < n_parts:
                do_part(part)

        helping = [self.pool.submit(work) for _ in range(min(self.others, n_parts - 1))]
        work()
        for each in helping:
            each.result()


def shared_crew(threads: int) -> Crew:
    """Return this process's crew of so many threads: the same one to all who plan a step anew each time.

    Example:
        >>> shared_crew(1) is shared_crew(1)
        True
    """
    return _crew_of(os.getpid(), threads)  # a forked process has none of its parent's threads


@cache
def _crew_of(process: int, threads: int) -> Crew:
    return Crew(threads)
