"""Two real Ray workers, one of them killed: every run is complete, once, and the same as alone."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from phasescope.store.metrics import read_metrics
from phasescope.sweeps.config import read_sweep
from phasescope.training.engine import train
from phasescope.training.variation import sweep_recipes

pytest.importorskip("ray")

GRID = """
"split.fraction" = [0.3, 0.5, 0.7, 0.9]
"optimiser.weight_decay" = [0.1, 0.3, 1.0, 3.0]
seed = [0, 1, 2]
"""
DEADLINE = 300


def finished(root):
    states = [path.read_text() for path in root.glob("tiny-*/status.json")]
    return sum('"state":"finished"' in state for state in states)


def owners(root):
    """Process ids of the workers that are in the middle of a run now."""
    found = set()
    for path in root.glob("tiny-*/lock"):
        note, status = path.read_text(), path.with_name("status.json")
        if note and status.exists() and 0 < json.loads(status.read_text())["step"] < 30:
            found.add(json.loads(note)["pid"])
    return found


def kill_a_worker(root, driver):
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until and driver.poll() is None:
        pids = owners(root) if finished(root) >= 16 else set()
        if pids:
            pid = pids.pop()
            assert pid not in (driver.pid, os.getpid())
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.005)
    driver.kill()
    pytest.fail(f"no worker was seen at work: {driver.communicate()}")


@pytest.mark.slow
def test_a_sweep_on_ray_survives_the_killing_of_a_worker(study, tmp_path):
    path, root = study(GRID), tmp_path / "swept"
    command = [
        sys.executable,
        "-m",
        "phasescope",
        "sweep",
        str(path),
        "--root",
        str(root),
        "--ray",
        "--workers",
        "2",
    ]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    kill_a_worker(root, driver)
    out, err = driver.communicate(timeout=DEADLINE)
    assert driver.returncode == 0, err
    assert "48 of 48 runs complete" in out

    with (root / "sweep-tiny" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["run"] for row in rows}) == len(rows) == 48
    assert {row["state"] for row in rows} == {"finished"}
    assert sorted(int(row["attempts"]) for row in rows)[-2:] == [1, 2]  # one worker died, one run went on
    assert (root / "sweep-tiny" / "phase-diagram.png").read_bytes()[1:4] == b"PNG"
    assert "<svg" in (root / "sweep-tiny" / "report.html").read_text()

    for _, recipe in sweep_recipes(read_sweep(path)):
        alone = train(recipe.model_copy(update={"threads": 1}), root=tmp_path / "alone", show_progress=False)
        swept = root / alone.folder.path.name
        assert alone.steps() == tuple(range(0, 41, 10))
        for step in alone.steps():
            name = f"checkpoints/{step:09d}.safetensors"
            assert (swept / name).read_bytes() == (alone.folder.path / name).read_bytes()
        series = read_metrics(swept / "metrics.sqlite")
        for name, (steps, values) in alone.metrics().items():
            assert (series[name][0].tolist(), series[name][1].tolist()) == (steps.tolist(), values.tolist())
