"""kill -9, fifty times, half of them inside a save: the same bits as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys

import pytest

from phasescope.store import checkpoints
from phasescope.store.run_folder import RunFolder
from phasescope.training.engine import train
from phasescope.training.recipe import ScheduleConfig
from phasescope.training.run import Run

KILLS = 50
# the child says "w" when it begins to write a checkpoint and "c" when a step is committed
CHILD = """
import os, sys
from phasescope.store import commit as commit_room, durable
from phasescope.training import engine
from phasescope.training.recipe import Recipe

write, commit = durable._write_and_flush, engine.commit

def telling_write(path, data):
    if path.parent.name == "checkpoints":
        os.write(1, b"w")
    write(path, data)

def telling_commit(folder, log, step, *rest):
    commit(folder, log, step, *rest)
    os.write(1, b"c")

durable._write_and_flush, engine.commit = telling_write, telling_commit
engine.train(Recipe.from_json(sys.stdin.read()), root=sys.argv[1], show_progress=False)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills_change_nothing(small, tmp_path):
    schedule = ScheduleConfig(every_step_until=10, look_every=5, checkpoint_every=5)
    recipe = small.model_copy(update={"steps": 1_500, "schedule": schedule})
    rng = random.Random(0)
    inside_a_save, committed_before = 0, set()
    for kill in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "killed")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        child.stdin.write(recipe.canonical_json().encode())
        child.stdin.close()
        # every child gets some way; then half are killed as a write begins, half at any moment
        wanted, letters = rng.randrange(1, 5), []
        save = kill % 2 == 0
        while letters.count(b"w" if save else b"c") < wanted:
            letter = child.stdout.read(1)
            assert letter, f"the child ended by itself:\n{child.stderr.read().decode()}"
            letters.append(letter)
        if save:
            _wait(rng.uniform(0, 0.002))
        else:
            _wait(rng.uniform(0, 0.03))
        child.send_signal(signal.SIGKILL)
        letters += [bytes([letter]) for letter in child.stdout.read()]
        child.wait()
        child.stdout.close()
        child.stderr.close()
        inside_a_save += letters.count(b"w") > letters.count(b"c")

        folder = RunFolder.open(next((tmp_path / "killed").glob("small-*[0-9a-f]")))
        there = set(checkpoints.steps(folder))
        assert committed_before <= there, "a committed checkpoint was lost"
        for step in sorted(there)[-3:]:
            checkpoints.read(folder, step)  # verifies every bit
        committed_before = there
    assert inside_a_save >= KILLS // 2

    whole = train(recipe, root=tmp_path / "whole", show_progress=False)
    killed = train(recipe, root=tmp_path / "killed", show_progress=False)
    assert killed.steps() == whole.steps()
    assert _bits(killed) == _bits(whole)


def _wait(seconds: float) -> None:
    import time

    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def _bits(run: Run) -> object:
    files = {p.name: p.read_bytes() for p in sorted(run.folder.path.rglob("*.safetensors"))}
    return files, {name: (steps.tolist(), values.tolist()) for name, (steps, values) in run.metrics().items()}
