"""Processes of this machine as workers: one that is killed, one that fails, one that only talks."""

import os

import pytest

from phasescope.store.run_folder import RunFolder
from phasescope.sweeps.processes import Processes
from phasescope.sweeps.scheduler import Job, run_all

WORKER = """
import os, signal, sys
from pathlib import Path
from phasescope.store.run_folder import RunFolder
from phasescope.store.status import Status, write_status

text = sys.stdin.read()
(path,) = [p for p in Path(sys.argv[1]).iterdir() if p.is_dir() and (p / "recipe.json").read_text() == text]
print("a word " * 20_000, file=sys.stderr)
if "fails" in text:
    sys.exit("the loss is not finite")
if "killed" in text and not (path / "was_here").exists():
    (path / "was_here").touch()
    os.kill(os.getpid(), signal.SIGKILL)
write_status(RunFolder(path), Status(state="finished", step=10, steps=10))
"""


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """The name of a module that is a worker."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "scripted_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return "scripted_worker"


def test_a_killed_process_is_followed_by_another_and_a_failing_one_is_not(worker, tmp_path):
    root = tmp_path / "runs"
    jobs = [
        Job(RunFolder.create(root, name, f'{{"{name}":1}}', {}), 10) for name in ("killed", "fails", "talks")
    ]
    turns = run_all(jobs, Processes(worker, 2), show_progress=False)
    found = {path.name.partition("-")[0]: (turn.attempts, turn.complaint) for path, turn in turns.items()}
    assert found == {"killed": (2, ""), "fails": (1, "the loss is not finite"), "talks": (1, "")}
