"""One run through every command, each holding what the one before it left."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import polars
import pytest

from phasescope.measures.measure import MEASURES
from phasescope.store.metrics import read_metrics


@pytest.fixture
def trained(cli, tiny, tmp_path):
    """The folder of the tiny run, finished."""
    answer = cli("train", tiny, "--quiet")
    assert answer.status == 0, answer.err
    assert answer.err == ""
    place, outcome = answer.out.splitlines()
    assert "20" in outcome
    return tmp_path / place


def files(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "checkpoints").iterdir())}


def test_train_stops_resume_goes_on_and_the_bits_are_the_same(cli, tiny, trained):
    stopped = cli("train", tiny, "--quiet", "--max-seconds", "0", "--root", "other")
    assert stopped.status == 0
    place, how = stopped.out.splitlines()
    assert "resume" in how
    assert cli("runs", "--root", "other").out.splitlines()[1].split()[1:4] == ["interrupted", "0", "20"]
    assert cli("resume", place, "--quiet").status == 0
    assert cli("resume", "tiny", "--root", "other", "--quiet").status == 0  # finished: nothing to do
    assert files(trained.parents[1] / place) == files(trained)


def test_verify_finds_nothing_and_then_one_flipped_bit(cli, trained):
    assert cli("verify", trained).out == f"{trained}: sound\n"
    victim = trained / "checkpoints" / "000000010.safetensors"
    data = bytearray(victim.read_bytes())
    data[-100] ^= 1
    victim.write_bytes(data)
    answer = cli("verify", trained)
    assert answer.status == 4
    assert "000000010.safetensors is damaged" in answer.out
    assert cli("measure", victim).status == 4


def test_a_flipped_digit_in_the_recipe_is_found_too(cli, trained):
    recipe = trained / "recipe.json"
    recipe.write_text(recipe.read_text().replace('"p":7', '"p":8'))
    assert cli("verify", trained).status == 4
    assert cli("resume", trained).status == 4


def test_export_reads_back_exactly(cli, trained, tmp_path):
    assert cli("export", trained, "--to", "csv", "--out", "m.csv").status == 0
    assert cli("export", trained, "--to", "parquet", "--out", "m.parquet").status == 0
    head, *lines = csv.reader((tmp_path / "m.csv").read_text().splitlines())
    rows = [(int(step), name, float(value)) for step, name, value in lines]
    assert head == ["step", "name", "value"]
    assert rows == polars.read_parquet(tmp_path / "m.parquet").rows()
    steps, values = read_metrics(trained / "metrics.sqlite")["train_loss"]
    assert [(step, value) for step, name, value in rows if name == "train_loss"] == list(
        zip(steps.tolist(), values.tolist(), strict=True)
    )
    assert cli("export", trained, "--to", "csv", "--out", "m.parquet").status == 2


def test_measure_a_checkpoint_gives_what_training_wrote_down(cli, trained):
    file = trained / "checkpoints" / "000000020.safetensors"
    measured = json.loads(cli("measure", file, "--json", "-", "--threads", "1").out)
    _, losses = read_metrics(trained / "metrics.sqlite")["test_loss"]
    assert math.isclose(measured["test_loss"], losses[-1], rel_tol=1e-5)
    assert list(measured) == list(MEASURES)
    assert measured["restricted_loss"] is None  # so early there is no key frequency
    assert list(measured["excluded_loss"]) == ["1", "2", "3"]
    assert all(isinstance(key, int) for key in measured["key_frequencies"])


def test_measure_takes_task_split_names_and_keys_from_flags(cli, trained):
    file = trained / "checkpoints" / "000000020.safetensors"
    wanted = ("--names", "train_loss,restricted_loss", "--keys", "1,3")
    typed = ("--task", "a+b mod 7", "--split", "nanda2023:1:0.5")
    own = cli("measure", file, *wanted, "--json", "out.json")
    same = cli("measure", file, *typed, *wanted, "--json", "-")
    other = cli("measure", file, "--split", "all", "--names", "train_loss", "--json", "-")
    assert json.loads((trained.parents[1] / "out.json").read_text()) == json.loads(same.out)
    assert json.loads(same.out)["train_loss"] != json.loads(other.out)["train_loss"]
    assert "train_loss" in own.out
    assert "restricted_loss" in own.out


def test_costly_measures_are_named_and_read_when_asked_for(cli, trained):
    file = trained / "checkpoints" / "000000020.safetensors"
    unasked = cli("measure", file, "--threads", "1").out
    assert (
        "costly, only with --names: tangent_kernel_alignment, local_learning_coefficient, sharpness"
        in unasked
    )
    asked = cli("measure", file, "--names", "sharpness", "--json", "-", "--threads", "1")
    assert json.loads(asked.out)["sharpness"] > 0
    words = ("--names", "tangent_kernel_distance", "--json", "-", "--threads", "1", "--quiet")
    distance = json.loads(cli("measure", trained, *words).out)["series"]["tangent_kernel_distance"]["values"]
    assert abs(distance[0]) < 1e-12
    assert distance[-1] > 0


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--names", "los"), "did you mean loss"),
        (("--task", "a+b mod 8"), "a+b mod 8"),
        (("--task", "a+b"), "a task reads like"),
        (("--split", "nanda2023:0"), "KIND:SEED:FRACTION"),
        (("--keys", "1,x"), "--keys"),
        (("--keys", "4"), "4"),
    ],
)
def test_measure_refuses_in_one_line(cli, trained, words, names):
    answer = cli("measure", trained / "checkpoints" / "000000020.safetensors", *words)
    assert answer.status == 2
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert names in answer.err


def test_measure_a_run_writes_every_series(cli, trained):
    answer = cli("measure", trained, "--quiet", "--threads", "1")
    assert answer.status == 0
    content = json.loads((trained / "measures.json").read_text())
    assert content["task"] == "a+b mod 7"
    assert content["series"]["train_loss"]["steps"] == [0, 10, 20]
    steps, values = read_metrics(trained / "metrics.sqlite")["train_loss"]
    at = np.isin(steps, [0, 10, 20])
    np.testing.assert_allclose(content["series"]["train_loss"]["values"], values[at], rtol=1e-5)
    assert cli("verify", trained).status == 0
    assert cli("measure", trained, "--task", "a+b mod 7").status == 2
    again = cli("measure", trained, "--names", "gini_W_E", "--quiet", "--threads", "1")
    assert "measured earlier are kept" in again.out
    assert json.loads((trained / "measures.json").read_text()) == content


def test_a_name_that_several_runs_begin_with_lists_them(cli, tiny, trained):
    other = cli("train", tiny, "--quiet", "--steps", "10").out.splitlines()[0]
    answer = cli("resume", "tiny")
    assert answer.status == 2
    names = sorted([trained.name, other.removeprefix("runs/")])
    assert answer.err == f"error: 'tiny' begins the names of 2 runs in runs; type more: {', '.join(names)}\n"


def test_runs_lists_a_damaged_one_and_goes_on(cli, trained):
    (trained.parent / "broken-00000000").mkdir()
    lines = cli("runs").out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["broken-00000000", "damaged"],
        [trained.name, "finished"],
    ]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_training_and_says_how_to_go_on(cli, tiny, tmp_path, number, status):
    words = ["train", "tiny.toml", "--steps", "100000000", "--quiet"]
    place = tmp_path / cli(*words, "--dry-run").out.split()[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "phasescope", *words],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    patience = time.monotonic() + 60
    while not (place / "checkpoints" / "000000010.safetensors").exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < patience
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert out == ""
    assert err.startswith("stopped; step ")
    assert err.endswith(f"phasescope resume {place.relative_to(tmp_path)}\n")
    assert err.count("\n") == 1
    assert cli("verify", place).status == 0
    assert cli("runs").out.splitlines()[1].split()[1] == "interrupted"
