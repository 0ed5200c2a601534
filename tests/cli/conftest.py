"""Ways to run the command line: in this process, in one of its own, and many words in one of its own."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from phasescope.cli import main

TINY = """
name = "tiny"
steps = 20
seed = 1
threads = 1

[task]
kind = "modular"
operation = "a+b"
p = 7

[split]
kind = "nanda2023"
fraction = 0.5
seed = 1

[model]
kind = "transformer"
d_model = 16
n_heads = 2
d_head = 8
d_mlp = 32

[schedule]
every_step_until = 5
look_every = 5
checkpoint_every = 10
"""

# runs every list of words through main and says what came of it, and whether torch was ever imported
MANY = """
import contextlib, io, json, sys
from phasescope.cli import main
answers = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(words)
        except BaseException as error:
            status = repr(error)
    answers.append([status, out.getvalue(), err.getvalue()])
slow = [name for name in ("torch", "matplotlib", "scipy", "ruptures") if name in sys.modules]
json.dump([answers, slow], sys.stdout)
"""


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A recipe that trains in a fraction of a second."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def tiny_toml() -> str:
    return TINY


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Run the command line in this process, with ``tmp_path`` as the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(*words: object) -> Answer:
        capsys.readouterr()
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Answer(status, captured.out, captured.err)

    return run


@pytest.fixture
def process(tmp_path):
    """Run the command line as a user does, where importing anything slow fails at once."""
    barred = tmp_path / "barred"
    barred.mkdir()
    for slow in ("torch", "matplotlib", "scipy", "ruptures"):
        (barred / f"{slow}.py").write_text(f"raise SystemExit('{slow} was imported')\n")

    def run(*words: object) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "phasescope", *map(str, words)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(barred), os.environ.get("PYTHONPATH", "")])},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def many():
    """Run many lists of words in one fresh process; give the answers, slow modules imported, and seconds."""

    def run(lists_of_words: list[list[str]], cwd: Path) -> tuple[list[Answer], list[str], float]:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", MANY],
            cwd=cwd,
            input=json.dumps(lists_of_words),
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        answers, slow = json.loads(done.stdout)
        return [Answer(*answer) for answer in answers], slow, time.perf_counter() - began

    return run
