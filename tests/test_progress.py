"""Progress in a log file: a line every ten seconds, whatever the job is, and the last word in any case."""

import io
from itertools import pairwise

import pytest

import phasescope.progress
from phasescope.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [0.0]
    monkeypatch.setattr(phasescope.progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_at_least_every_ten_seconds_and_not_one_for_each_step(clock):
    log = io.StringIO()
    with Progress(1_000, "steps", stream=log) as progress:
        for step in range(1, 1_001):
            clock[0] = step / 8  # 125 seconds in all
            progress.update(step)
    shown = [int(line.split("/")[0].replace(",", "")) for line in log.getvalue().splitlines()]
    assert len(shown) == 14
    assert shown[0] == 1
    assert shown[-1] == 1_000
    assert max(after - before for before, after in pairwise(shown)) == 80  # ten seconds


def test_a_short_job_says_where_it_ended(clock):
    log = io.StringIO()
    with Progress(3, "parts", stream=log) as progress:
        for part in range(4):
            progress.update(part)
    assert [line.split("  ")[0] for line in log.getvalue().splitlines()] == ["0/3 parts", "3/3 parts"]
