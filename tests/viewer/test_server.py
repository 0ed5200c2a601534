"""The server: nothing outside the store, everybody answered, damage told, new points soon."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra viewer is not installed")
pytest.importorskip("uvicorn", reason="the extra viewer is not installed")

from phasescope.store.lock import RunLock
from phasescope.store.metrics import MetricsLog, read_metrics
from phasescope.store.run_folder import RunFolder
from phasescope.store.status import Status, write_status
from phasescope.viewer.arrays import unpacked
from phasescope.viewer.frames import read_frame
from phasescope.viewer.listing import run_id, runs_in
from phasescope.viewer.problem import Problem

CANARY = "CANARY-5b1f"
HOPS = (
    "..", "..%2f", "%2e%2e", "%2e%2e%2f", "%252e%252e%252f", "..%5c", "..\\", "....//", ".%00.",
    "..;", "..%00", "%c0%ae%c0%ae", "%ef%bc%8f..", "%2e.", "．．", "..%u2216",
)  # fmt: skip
TARGETS = ("secret.txt", "runs-secret/recipe.json", "../../etc/passwd")
STRANGE = (
    "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd", "x#/../..", "x?/../..", "%00",
    ";/..;/", "C:\\", "C:foo", "\\\\host\\share", "\\\\?\\C:\\", "\\\\.\\NUL", "CON", "a::$DATA", "name.",
    "name%20", "-rf", "a%0ab", "%1b[31m", "a" * 5000, "/".join(["a"] * 300), "é", "e%cc%81", "link", "loop",
    "fifo", "hard", "http:///#/../../", "/%2fetc", "/dev/zero", "checkpoints", "checkpoints/", "RECIPE.JSON",
)  # fmt: skip
PREFIXES = ("/", "/run/", "/static/", "/api/", "/api/run/", "/api/runs/")


def corpus(name: str, an_id: str) -> list[str]:
    """Every way out of the store, from every address."""
    ways = [f"{hop}/{target}" for hop in HOPS for target in TARGETS]
    ways += [f"{hop}/" * 8 + target for hop in HOPS for target in TARGETS]
    ways += [
        *STRANGE,
        name,
        f"{name}/recipe.json",
        f"{name}/metrics.sqlite",
        f"{an_id}/recipe.json",
        f"{an_id}/..",
        an_id.upper(),
    ]
    return [f"{prefix}{way}" for prefix in PREFIXES for way in ways]


def test_nothing_outside_the_store_is_served(store, serve, get):
    (name,) = os.listdir(store)
    secret = store.parent / "runs-secret"
    secret.mkdir()
    (store.parent / "secret.txt").write_text(CANARY)
    (secret / "recipe.json").write_text(json.dumps({"name": CANARY}))
    (store / "link").symlink_to(store.parent / "secret.txt")
    (store / "loop").symlink_to(store / "loop")
    os.link(store.parent / "secret.txt", store / "hard")
    os.mkfifo(store / "fifo")
    (store / "outside-0123abcd").symlink_to(secret)
    inside = store / "inside-0123abcd"
    inside.mkdir()
    (inside / "recipe.json").symlink_to(secret / "recipe.json")
    (inside / "status.json").symlink_to(secret / "recipe.json")
    assert [folder.path.name for folder in runs_in(store).values()] == [name]
    with serve(store) as port:
        for path in corpus(name, run_id(name)):
            for sent in {path.encode(), quote(path, safe="/").encode()}:
                status, body = get(port, sent.replace(b" ", b"%20"))
                assert 400 <= status < 500, (sent[:80], status)
                assert CANARY.encode() not in body
                assert b"root:" not in body
        status, body = get(port, "/api/runs")
        assert status == 200
        assert CANARY.encode() not in body
        for other in ("outside-0123abcd", "inside-0123abcd", "runs-secret", "link"):
            assert get(port, f"/api/run/{run_id(other)}")[0] == 404


def test_a_checkpoint_that_is_a_link_is_not_followed(store, serve, get):
    (name,) = os.listdir(store)
    checkpoint = store / name / "checkpoints" / "000000100.safetensors"
    os.replace(checkpoint, store.parent / "elsewhere.safetensors")
    checkpoint.symlink_to(store.parent / "elsewhere.safetensors")
    with serve(store) as port:
        status, body = get(port, f"/api/run/{run_id(name)}/frames?after=-1&keys=1")
    assert status == 404
    assert json.loads(body) == {"error": "the checkpoint of step 100 is no file of the run"}


def test_a_run_as_the_store_has_it(store, serve, get):
    (name,) = os.listdir(store)
    folder = RunFolder.open(store / name)
    with serve(store) as port:
        (row,) = json.loads(get(port, "/api/runs")[1])["runs"]
        assert (row["name"], row["state"], row["step"], row["checkpoints"]) == (name, "finished", 200, 11)
        address = f"/api/run/{row['id']}"
        record = json.loads(get(port, address)[1])
        for one in record["series"]:
            steps, values = read_metrics(folder.metrics)[one["name"]]
            np.testing.assert_array_equal(unpacked(one["steps"], "f8"), steps)
            np.testing.assert_array_equal(unpacked(one["values"], "f8"), values)
        frames = json.loads(get(port, f"{address}/frames?after=99&keys=2")[1])
        assert frames["steps"] == [100, 120, 140, 160, 180, 200]
        circles = unpacked(frames["circles"]["2"], "f4").reshape(6, 11, 2)
        np.testing.assert_allclose(circles[0], read_frame(folder, 100, Problem(p=11)).circles[1], atol=1e-6)
        assert frames["last"] is True
        for path in (
            "/",
            f"/run/{row['id']}",
            f"/run/{row['id']}-{row['id']}",
            "/static/run.js",
            f"{address}/phases",
        ):
            assert get(port, path)[0] == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("after=-1&want=", 404),
        ("after=-1&want=scores,nothing", 404),
        ("after=-1&want=neuron-32", 404),
        ("after=-1&want=logits-0-11", 404),
        ("after=-1&want=logits-0", 404),
        ("after=x&want=scores", 400),
        ("after=-1&want=" + ",".join(["scores"] * 13), 400),
    ],
)
def test_a_part_that_is_not_there_is_refused(store, serve, get, query, status):
    (name,) = os.listdir(store)
    with serve(store) as port:
        assert get(port, f"/api/run/{run_id(name)}/parts?{query}")[0] == status


def test_parts_come_with_their_checkpoints(store, serve, get):
    (name,) = os.listdir(store)
    with serve(store) as port:
        body = get(port, f"/api/run/{run_id(name)}/parts?after=99&want=scores,neuron-31,logits-3-10")[1]
    found = json.loads(body)
    assert (found["steps"], found["last"]) == ([100, 120, 140, 160, 180, 200], True)
    assert unpacked(found["parts"]["scores"], "f4").shape == (6 * 2 * (2 * 11 + 1),)
    assert unpacked(found["parts"]["neuron-31"], "f2").shape == (6 * (2 * (2 * 11 + 1) + 1),)
    assert unpacked(found["parts"]["logits-3-10"], "f4").shape == (6 * 11,)
    assert [(pair["a"], pair["b"], pair["answer"]) for pair in found["pairs"]] == [(3, 10, 2)]


def test_the_first_rows_can_be_had_alone(store, serve, get):
    (store / "broken-0123abcd").mkdir()
    with serve(store) as port:
        first, whole = (json.loads(get(port, f"/api/runs{query}")[1]) for query in ("?first=1", ""))
        assert (len(first["runs"]), first["n"], len(whole["runs"]), whole["n"]) == (1, 2, 2, 2)
        assert first["runs"] == whole["runs"][:1]
        assert get(port, "/api/runs?first=x")[0] == 400


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=-2",
        "after=1e3",
        "after=NaN",
        "after=2147483648000",
        "keys=0",
        "keys=6",
        "keys=1,2,3,4,5,1,2,3,4",
    ],
)
def test_a_senseless_question_is_refused(store, serve, get, query):
    (name,) = os.listdir(store)
    with serve(store) as port:
        assert get(port, f"/api/run/{run_id(name)}/frames?{query}")[0] == 400


def test_two_hundred_at_once_are_all_answered(store, serve, get):
    (name,) = os.listdir(store)
    paths = [
        "/",
        "/api/runs",
        f"/api/run/{run_id(name)}",
        f"/api/run/{run_id(name)}/frames?after=-1&keys=1,2",
    ]
    with serve(store) as port:
        expected = {path: get(port, path) for path in paths}
        assert {status for status, _ in expected.values()} == {200}
        together = threading.Barrier(200)

        def ask(i: int) -> bool:
            together.wait()
            return get(port, paths[i % 4]) == expected[paths[i % 4]]

        with ThreadPoolExecutor(200) as pool:
            assert all(pool.map(ask, range(200)))


def test_damage_is_told_and_stops_nothing(store, serve, get):
    (name,) = os.listdir(store)
    checkpoint = store / name / "checkpoints" / "000000040.safetensors"
    data = bytearray(checkpoint.read_bytes())
    data[-1] ^= 1
    checkpoint.write_bytes(data)
    broken = store / "broken-0123abcd"
    broken.mkdir()
    (broken / "recipe.json").write_text("{")
    (broken / "metrics.sqlite").write_bytes(b"no database")
    with serve(store) as port:
        status, body = get(port, f"/api/run/{run_id(name)}/frames?after=-1&keys=1")
        assert status == 404
        assert f"{name}/checkpoints/000000040.safetensors is damaged" in json.loads(body)["error"]
        assert str(store).encode() not in body
        rows = {row["name"]: row for row in json.loads(get(port, "/api/runs")[1])["runs"]}
        assert (rows[name]["state"], rows["broken-0123abcd"]["state"]) == ("finished", "damaged")
        assert str(store) not in json.dumps(rows)
        assert get(port, f"/api/run/{run_id('broken-0123abcd')}")[0] == 404


def test_a_writer_is_followed_and_not_held_up(store, serve, get):
    (name,) = os.listdir(store)
    folder = RunFolder.open(store / name)
    address = f"/api/run/{run_id(name)}"
    with serve(store) as port, RunLock(folder), MetricsLog(folder.metrics) as log:
        write_status(folder, Status(state="training", step=200, steps=400))
        assert json.loads(get(port, f"{address}/news?after=200")[1])["series"] == []
        for step in (210, 220):
            log.add(step, {"train_loss": 1 / step})
            log.commit()
            write_status(folder, Status(state="training", step=step, steps=400))
            news = json.loads(get(port, f"{address}/news?after={step - 10}")[1])
            assert (news["run"]["state"], news["run"]["step"]) == ("training", step)
            (came,) = news["series"]
            assert unpacked(came["values"], "f8").tolist() == [1 / step]


def test_nothing_is_written(store, serve, get):
    (name,) = os.listdir(store)
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    with serve(store) as port:
        for path in ("/", "/api/runs", f"/api/run/{run_id(name)}", f"/api/run/{run_id(name)}/phases"):
            assert get(port, path)[0] == 200
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


def test_a_taken_port_gives_way_to_the_next():
    from phasescope.viewer.serve import listen

    with listen(0) as first, listen(first.getsockname()[1]) as second:
        assert second.getsockname()[0] == "127.0.0.1"
        assert second.getsockname()[1] > first.getsockname()[1]
