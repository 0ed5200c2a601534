import json

import pytest

from phasescope.errors import DamagedFile
from phasescope.store import checkpoints
from phasescope.store.catalogue import list_runs
from phasescope.store.lock import RunLock
from phasescope.store.run_folder import RunFolder
from phasescope.store.status import Status, read_status, write_status


def test_a_status_comes_back_with_the_time_it_was_written(folder):
    assert read_status(folder) == Status(state="created")
    write_status(folder, Status(state="training", step=100, steps=16_000, wall_seconds=1.5))
    status = read_status(folder)
    assert (status.state, status.step, status.steps, status.wall_seconds) == ("training", 100, 16_000, 1.5)
    assert status.updated is not None
    assert status.updated.endswith("+00:00")


@pytest.mark.parametrize("content", ["{", "[]", '{"state":"asleep"}', '{"step":"1"}', '{"stepp":1}', ""])
def test_a_damaged_status_is_named(folder, content):
    folder.status.write_text(content)
    with pytest.raises(DamagedFile, match=r"status\.json"):
        read_status(folder)


def test_runs_are_listed_by_name(tmp_path, weights):
    for name, seed in (("b", 1), ("a", 0)):
        made = RunFolder.create(tmp_path, name, json.dumps({"seed": seed}), {})
        checkpoints.write(made, 100 * seed, weights(0), {})
    (tmp_path / "notes").mkdir()
    (tmp_path / "b-01234567.89ab.tmp").mkdir()
    (tmp_path / "readme.txt").touch()
    entries = list_runs(tmp_path)
    assert [(entry.folder.name, entry.recipe, entry.step, entry.problem) for entry in entries] == [
        ("a", {"seed": 0}, 0, None),
        ("b", {"seed": 1}, 100, None),
    ]
    on_disk = sum(path.stat().st_size for path in entries[0].folder.path.rglob("*") if path.is_file())
    assert entries[0].n_bytes == on_disk > 0
    assert list_runs(tmp_path / "nowhere") == ()


def test_a_killed_run_is_interrupted_and_a_live_one_training(folder):
    write_status(folder, Status(state="training", step=100))
    (entry,) = list_runs(folder.path.parent)
    assert entry.status.state == "interrupted"
    with RunLock(folder):
        (entry,) = list_runs(folder.path.parent)
    assert entry.status.state == "training"


def test_damaged_runs_are_named_and_stop_nothing(folder):
    root = folder.path.parent
    changed = RunFolder.create(root, "changed", "{}", {})
    changed.recipe.write_text('{"p":7}')
    broken = RunFolder.create(root, "broken", "{}", {})
    broken.status.write_text("{")
    (root / "empty-01234567").mkdir()
    problems = {entry.folder.name: entry.problem for entry in list_runs(root)}
    assert problems["demo"] is None
    assert "recipe.json" in problems["changed"]
    assert "status.json" in problems["broken"]
    assert "recipe.json" in problems["empty"]


def test_five_hundred_runs_are_listed_in_a_second(tmp_path):
    import hashlib

    for seed in range(500):
        recipe = json.dumps({"seed": seed})
        folder = RunFolder(tmp_path / f"run-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}")
        folder.checkpoints.mkdir(parents=True)
        folder.state.mkdir()
        folder.recipe.write_text(recipe)
        folder.status.write_text(Status(state="training", step=seed).model_dump_json())
        for step in range(0, 2000, 100):
            (folder.checkpoints / f"{step:09d}.safetensors").touch()
    entries = list_runs(tmp_path)
    assert len(entries) == 500
    assert all(entry.problem is None for entry in entries)
