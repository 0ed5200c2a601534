import json
import os
import signal
import subprocess
import sys
import time

import pytest

from phasescope.errors import PhasescopeError, RunInUse
from phasescope.store.lock import RunLock, is_locked
from phasescope.store.run_folder import RunFolder

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def contender(folder: RunFolder, start: int, answers: int, finish: int) -> int:
    """Fork a process that tries for the lock when ``start`` closes, tells how it went, and waits."""
    child = os.fork()
    if child:
        return child
    os.read(start, 1)
    began = time.perf_counter()
    try:
        with RunLock(folder):
            os.write(answers, json.dumps(["won", os.getpid(), 0.0]).encode() + b"\n")
            os.read(finish, 1)
    except RunInUse as error:
        os.write(answers, json.dumps(["refused", str(error), time.perf_counter() - began]).encode() + b"\n")
    finally:
        os._exit(0)


def test_in_twenty_races_of_four_exactly_one_wins(folder):
    for _ in range(20):
        start, go = os.pipe()
        finish, done = os.pipe()
        answers, tell = os.pipe()
        children = []
        for _ in range(4):
            if (child := os.fork()) == 0:
                os.close(go)
                os.close(done)
                grandchild = contender(folder, start, tell, finish)
                os.waitpid(grandchild, 0)
                os._exit(0)
            children.append(child)
        os.close(go)
        told = b""
        while told.count(b"\n") < 4:
            told += os.read(answers, 4096)
        os.close(done)
        for child in children:
            os.waitpid(child, 0)
        for descriptor in (start, finish, answers, tell):
            os.close(descriptor)
        outcomes = [json.loads(line) for line in told.splitlines()]
        winners = [pid for outcome, pid, _ in outcomes if outcome == "won"]
        refusals = [message for outcome, message, _ in outcomes if outcome == "refused"]
        assert len(winners) == 1
        assert len(refusals) == 3
        for message in refusals:
            assert f"process {winners[0]} on " in message
            assert " since 20" in message
            assert len(message) <= 300
            assert "\n" not in message
        assert not is_locked(folder)


def test_a_killed_owner_lets_go(folder):
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        RunLock(folder).__enter__()
        os.write(tell, b"!")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    assert is_locked(folder)
    with pytest.raises(RunInUse, match=f"process {child} on "):
        RunLock(folder).__enter__()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(tell)
    assert not is_locked(folder)
    with RunLock(folder):
        assert json.loads(folder.lock.read_text())["pid"] == os.getpid()


def test_one_process_cannot_write_a_run_twice(folder):
    with RunLock(folder), pytest.raises(RunInUse, match=f"process {os.getpid()} on "):
        RunLock(folder).__enter__()
    with RunLock(folder):
        assert is_locked(folder)


def test_the_lock_is_let_go_after_an_error(folder):
    with pytest.raises(KeyError), RunLock(folder):
        raise KeyError
    assert not is_locked(folder)
    assert folder.lock.read_bytes() == b""


def test_probing_never_refuses_a_writer(folder):
    """A page that looks at the lock all the time, and a writer that comes and goes."""
    child = os.fork()
    if child == 0:
        while True:
            is_locked(folder)
            time.sleep(0.0005)
    try:
        for _ in range(200):
            with RunLock(folder):
                pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_an_unreadable_note_is_no_trouble(folder):
    with RunLock(folder):
        folder.lock.write_bytes(b"\xff[")
        with pytest.raises(RunInUse, match="is being written by another process"):
            RunLock(folder).__enter__()


def test_a_folder_that_is_gone_is_one_line(tmp_path):
    gone = RunFolder(tmp_path / "gone")
    assert not is_locked(gone)
    with pytest.raises(PhasescopeError, match="cannot lock"):
        RunLock(gone).__enter__()


def test_being_refused_takes_no_torch(folder):
    program = (
        "import sys; from pathlib import Path\n"
        "from phasescope.store.lock import RunLock; from phasescope.store.run_folder import RunFolder\n"
        "try:\n    RunLock(RunFolder(Path(sys.argv[1]))).__enter__()\n"
        "except ValueError as error:\n    print(type(error).__name__, 'torch' in sys.modules)\n"
    )
    with RunLock(folder):
        command = [sys.executable, "-c", program, str(folder.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["RunInUse", "False"]
