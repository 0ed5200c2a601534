import json
import os
import re

import pytest

from phasescope.errors import DamagedFile, PhasescopeError
from phasescope.store import durable
from phasescope.store.run_folder import RunFolder, run_name, step_file, steps_in


def test_a_run_has_the_layout_of_the_design(folder):
    assert sorted(entry.name for entry in folder.path.iterdir()) == [
        "checkpoints",
        "provenance.json",
        "recipe.json",
        "state",
    ]
    paths = (folder.status, folder.metrics, folder.claims, folder.report, folder.lock)
    assert [path.name for path in paths] == [
        "status.json",
        "metrics.sqlite",
        "claims.json",
        "report.html",
        "lock",
    ]
    assert re.fullmatch(r"demo-[0-9a-f]{8}", folder.path.name)
    assert (folder.name, folder.digest8) == ("demo", folder.path.name[-8:])
    assert folder.recipe_json() == '{"p":113,"seed":0}'
    assert folder.read_provenance() == {"threads": 1}


def test_the_same_recipe_finds_its_run_again(folder):
    again = RunFolder.create(folder.path.parent, "demo", '{"p":113,"seed":0}', {"threads": 2})
    other = RunFolder.create(folder.path.parent, "demo", '{"p":113,"seed":1}', {})
    assert again == folder
    assert again.read_provenance() == {"threads": 1}
    assert other != folder


def test_a_relative_path_works(folder, monkeypatch):
    monkeypatch.chdir(folder.path)
    assert RunFolder.open(type(folder.path)(".")).digest8 == folder.digest8


def test_a_changed_recipe_is_refused_with_its_name(folder):
    folder.recipe.write_text('{"p":113,"seed":1}')
    with pytest.raises(DamagedFile, match=r"recipe\.json has digest"):
        RunFolder.open(folder.path)
    with pytest.raises(DamagedFile, match=r"recipe\.json has digest"):
        RunFolder.create(folder.path.parent, "demo", '{"p":113,"seed":0}', {})


def test_every_flipped_bit_of_a_recipe_is_detected(folder):
    sound = folder.recipe.read_bytes()
    for bit in range(8 * len(sound)):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        folder.recipe.write_bytes(damaged)
        with pytest.raises(DamagedFile, match=r"recipe\.json"):
            RunFolder.open(folder.path)


def test_a_renamed_folder_is_refused(folder):
    moved = folder.path.rename(folder.path.with_name("best"))
    with pytest.raises(DamagedFile, match="folder's name says none"):
        RunFolder.open(moved)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(PhasescopeError, match=r"it has no recipe\.json"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", ".x", "a b", "é", "a\n", "x" * 81, "a\0"])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path, name):
    with pytest.raises(PhasescopeError, match="a run's name needs"):
        RunFolder.create(tmp_path / "runs", name, "{}", {})
    assert list(tmp_path.iterdir()) == []


def test_names_join_the_digest():
    assert run_name("nanda2023", "0123456789abcdef" * 4) == "nanda2023-01234567"


def test_a_run_is_never_half_made(tmp_path, monkeypatch):
    """Stop at every operation of making a run: it is whole under its name, or not there."""
    outcomes = set()
    for last in range(60):
        root = tmp_path / str(last)
        calls = 0

        class Stopping:
            def __getattr__(self, name, last=last):
                def call(*arguments):
                    nonlocal calls
                    calls += 1
                    if calls > last:
                        raise KeyboardInterrupt
                    return getattr(os, name)(*arguments)

                return call if name in {"open", "write", "fsync", "replace"} else getattr(os, name)

        monkeypatch.setattr(durable, "os", Stopping())
        try:
            RunFolder.create(root, "demo", "{}", {})
        except KeyboardInterrupt:
            monkeypatch.undo()
            runs = list(root.iterdir()) if root.is_dir() else []
            assert [RunFolder.open(path).recipe_json() for path in runs] == ["{}"] * len(runs)
            outcomes.add(len(runs))
        else:
            outcomes.add("made")
            break
    assert outcomes == {0, 1, "made"}


def test_of_two_makers_both_get_the_same_run(tmp_path, monkeypatch):
    real = durable.os.replace

    def other_was_faster(source, target):
        if str(source).endswith("/recipe.json") or ".tmp" not in str(source) or target.suffix == ".json":
            return real(source, target)
        monkeypatch.undo()
        RunFolder.create(tmp_path, "demo", "{}", {"who": "other"})
        return real(source, target)

    monkeypatch.setattr(durable.os, "replace", other_was_faster)
    mine = RunFolder.create(tmp_path, "demo", "{}", {"who": "me"})
    assert mine.read_provenance() == {"who": "other"}
    assert [entry.name for entry in tmp_path.iterdir()] == [mine.path.name]


def test_steps_are_read_from_names_alone(tmp_path):
    for name in (
        "000000100.safetensors",
        "000000000.safetensors",
        "000001000.safetensors.01ab.tmp",
        "100.safetensors",
    ):
        (tmp_path / name).touch()
    assert steps_in(tmp_path) == (0, 100)


@pytest.mark.parametrize("step", [-1, 10**9])
def test_a_step_that_has_no_name_is_refused(tmp_path, step):
    with pytest.raises(PhasescopeError, match="a step needs to be from 0"):
        step_file(tmp_path, step)


def test_damaged_provenance_is_named(folder):
    for content in (b"{", b"[]", b"\xff"):
        folder.provenance.write_bytes(content)
        with pytest.raises(DamagedFile, match=r"provenance\.json"):
            folder.read_provenance()
    folder.provenance.unlink()
    with pytest.raises(DamagedFile, match=r"provenance\.json"):
        folder.read_provenance()


def test_sweeping_leaves_what_others_write(folder):
    swept = [
        folder.checkpoints / "000000100.safetensors.01ab.tmp",
        folder.state / "000000100.safetensors.01ab.tmp",
        folder.path / "status.json.01ab.tmp",
        folder.path.parent / f"{folder.path.name}.01ab.tmp",
    ]
    left = [folder.path / "report.html.01ab.tmp", folder.path.parent / "other-01234567.01ab.tmp"]
    for path in swept + left:
        path.touch()
    folder.sweep()
    assert not any(path.exists() for path in swept)
    assert all(path.exists() for path in left)


def test_provenance_is_json_that_people_read(folder):
    folder.write_provenance({"cpu": None, "libraries": {"numpy": "2.4"}})
    assert json.loads(folder.provenance.read_text()) == {"cpu": None, "libraries": {"numpy": "2.4"}}
    assert folder.provenance.read_text().count("\n") > 3
