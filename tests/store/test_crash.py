"""A run that is stopped anywhere comes back with all that was promised, and trusts nothing damaged."""

import errno
import os
import random
import select
import signal
import time

import numpy as np
import pytest

from phasescope.errors import PhasescopeError
from phasescope.store import checkpoints, durable, state
from phasescope.store.commit import commit, recover
from phasescope.store.metrics import MetricsLog, read_metrics
from phasescope.store.run_folder import RunFolder
from phasescope.store.verify import verify

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

COMMITS = (100, 200, 300)
GUARDED = ("open", "write", "fsync", "close", "replace", "unlink")


class FaultyDisk:
    """The ``os`` that durable.py sees, which does something bad at one operation.

    It does not wait for the disk: the process goes down here, not the machine.
    """

    def __init__(self, at: int, fault) -> None:
        self.at, self.fault, self.count = at, fault, 0

    def __getattr__(self, name: str):
        if name not in GUARDED:
            return getattr(os, name)
        real = getattr(os, name) if name != "fsync" else lambda descriptor: None

        def call(*arguments):
            self.count += 1
            if self.count - 1 == self.at:
                return self.fault(name, real, arguments)
            return real(*arguments)

        return call


def arrays(step: int) -> dict[str, np.ndarray]:
    return {"W": np.sin(np.arange(2000) / 7 + step / 1000), "b": np.full(3, 1.0 + step)}


def train(folder: RunFolder, steps=COMMITS, acknowledge=lambda step: None) -> None:
    """Go on from the last commit, as training does, and tell of each commit once it is promised."""
    with MetricsLog(folder.metrics) as log:
        recovered = recover(folder, log)
        assert recovered.notes == ()
        done = recovered.snapshot.step if recovered.snapshot else -1
        for step in steps:
            if step > done:
                log.add(step - 50, {"train_loss": 1 / step})
                log.add(step, {"train_loss": 2 / step, "margin": float("nan")})
                commit(folder, log, step, arrays(step), arrays(step) | {"moment": arrays(-step)["W"]}, {})
                acknowledge(step)


def train_in_child(folder: RunFolder, steps, disk=os) -> tuple[int, int]:
    """Train in another process, on some disk; return its id and where it tells of its commits."""
    heard, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            durable.os = disk
            train(folder, steps, lambda step: os.write(tell, step.to_bytes(4, "little")))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(tell)
    return child, heard


def steps_told(heard: int) -> list[int]:
    """All commits that a process told of until it ended."""
    told = b""
    while more := os.read(heard, 4096):
        told += more
    os.close(heard)
    return [int.from_bytes(told[i : i + 4], "little") for i in range(0, len(told), 4)]


def assert_nothing_promised_is_lost(folder: RunFolder, promised: list[int]) -> None:
    """Before anyone repairs anything: what was acknowledged is there, whole."""
    for step in promised:
        np.testing.assert_array_equal(checkpoints.read(folder, step).tensors["W"], arrays(step)["W"])
    recovered = state.newest_valid(folder)
    assert recovered.notes == ()
    assert (recovered.snapshot.step if recovered.snapshot else -1) >= max(promised, default=-1)
    steps = read_metrics(folder.metrics).get("train_loss", (np.array([]), None))[0].tolist()
    assert set(promised) <= set(steps)
    problems = [finding for finding in verify(folder) if finding.path.suffix != durable.TEMPORARY]
    assert problems == []


def contents(folder: RunFolder) -> dict[str, object]:
    """All that a run amounts to, bit by bit."""
    files = sorted(path for place in (folder.checkpoints, folder.state) for path in place.iterdir())
    series = read_metrics(folder.metrics)
    return {
        **{f"{path.parent.name}/{path.name}": path.read_bytes() for path in files},
        **{name: (steps.tobytes(), values.tobytes()) for name, (steps, values) in series.items()},
    }


@pytest.fixture
def uninterrupted(tmp_path) -> dict[str, object]:
    folder = RunFolder.create(tmp_path / "uninterrupted", "demo", "{}", {})
    train(folder)
    return contents(folder)


def operations(tmp_path, monkeypatch) -> int:
    """How many guarded operations three commits take."""
    folder = RunFolder.create(tmp_path / "counted", "demo", "{}", {})
    disk = FaultyDisk(-1, None)
    monkeypatch.setattr(durable, "os", disk)
    train(folder)
    monkeypatch.undo()
    return disk.count


def die(name, real, arguments):
    """End the process in the middle of a write, or just before any other operation."""
    if name == "write":
        real(arguments[0], arguments[1][: len(arguments[1]) // 2])
    os._exit(9)


def test_a_crash_at_every_operation_of_three_commits(tmp_path, monkeypatch, uninterrupted):
    total = operations(tmp_path, monkeypatch)
    assert total > 50
    for at in range(total):
        folder = RunFolder.create(tmp_path / f"{at}", "demo", "{}", {})
        child, heard = train_in_child(folder, COMMITS, FaultyDisk(at, die))
        promised = steps_told(heard)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 9, at
        assert_nothing_promised_is_lost(folder, promised)
        train(folder)
        assert verify(folder, schedule=COMMITS) == ()
        assert contents(folder) == uninterrupted


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_a_disk_that_fails_at_every_operation(tmp_path, monkeypatch, uninterrupted, code):
    def fail(name, real, arguments):
        if name == "close":
            real(*arguments)
        raise OSError(code, os.strerror(code))

    total = operations(tmp_path, monkeypatch)
    messages: list[str] = []
    for at in range(total):
        folder = RunFolder.create(tmp_path / f"{at}", "demo", "{}", {})
        promised: list[int] = []
        monkeypatch.setattr(durable, "os", FaultyDisk(at, fail))
        try:
            train(folder, acknowledge=promised.append)
        except PhasescopeError as error:
            messages.append(str(error))
        monkeypatch.setattr(durable, "os", FaultyDisk(-1, None))
        assert_nothing_promised_is_lost(folder, promised)
        train(folder)
        assert verify(folder, schedule=COMMITS) == ()
        assert contents(folder) == uninterrupted
    assert all(str(tmp_path) in line and os.strerror(code) in line and "\n" not in line for line in messages)
    # only clearing away a temporary name, gone already, may fail unheard: once in each of 6 files
    assert len(messages) == total - 6


@pytest.mark.parametrize("seed", [0])
def test_twenty_kills_at_random_instants(tmp_path, seed):
    """One run, killed and resumed twenty times, mostly while it writes."""
    instant = random.Random(seed)
    folder = RunFolder.create(tmp_path, "demo", "{}", {})
    promised: list[int] = []
    for _ in range(20):
        child, heard = train_in_child(folder, range(100, 10**6, 100))
        select.select([heard], [], [])  # it has begun to commit
        time.sleep(instant.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        promised += steps_told(heard)
        assert_nothing_promised_is_lost(folder, promised)
    assert promised == sorted(set(promised))
    assert len(promised) >= 20
    train(folder, range(100, promised[-1] + 200, 100))
    through = RunFolder.create(tmp_path / "through", "demo", "{}", {})
    train(through, range(100, promised[-1] + 200, 100))
    assert contents(folder) == contents(through)


def test_a_reader_looks_on_during_two_hundred_commits(tmp_path):
    folder = RunFolder.create(tmp_path, "demo", "{}", {})
    looks, seen = 0, 0
    # ten sessions, so that the reader meets a writer that opens and closes, and one that is not there
    for last in range(2000, 20_001, 2000):
        child, heard = train_in_child(folder, range(100, last + 1, 100))
        status = None
        while status is None:
            ended, code = os.waitpid(child, os.WNOHANG)
            status = code if ended else None
            series = read_metrics(folder.metrics)
            if series:
                steps, values = series["train_loss"]
                assert values.tolist() == [1 / (s + 50) if s % 100 else 2 / s for s in steps.tolist()]
                assert series["margin"][0].tolist() == [s for s in steps.tolist() if s % 100 == 0]
                assert len(steps) == 2 * len(series["margin"][0]) >= seen
                seen = len(steps)
            for step in checkpoints.steps(folder)[-3:]:
                np.testing.assert_array_equal(checkpoints.read(folder, step).tensors["W"], arrays(step)["W"])
            looks += 1
        assert os.waitstatus_to_exitcode(status) == 0
        assert len(steps_told(heard)) == 20
    assert seen == 400
    assert looks > 50
    assert verify(folder, schedule=range(100, 20_001, 100)) == ()
