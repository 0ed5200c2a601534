"""Small parts: what is printed is safe and lines up, what is cited exists."""

import errno
import os
import subprocess
import sys
import warnings

import pytest

import phasescope.cli as command_line
from phasescope.cli.bibliography import BIBLIOGRAPHY
from phasescope.cli.flags import Flag
from phasescope.cli.messages import Terminated, note_warnings, say
from phasescope.cli.text_table import text_table
from phasescope.errors import DamagedFile, NonFinite
from phasescope.evidence.claims_file import claims_to_json
from phasescope.evidence.verdict import judge
from phasescope.measures.measure import MEASURES
from phasescope.store.run_folder import RunFolder
from phasescope.studies.nanda2023_claims import MAINLINE
from phasescope.training.presets import PRESETS, nanda2023
from phasescope.training.sequence_presets import SEQUENCE_PRESETS


def test_a_line_is_one_printable_line_of_at_most_300_characters(capsys):
    for text in ("a\nb", "\x1b[31m", "\u202e", "x" * 1_000, "\ud800", "naïve ρ(ab)"):
        say(f"error: {text}")
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        assert line[:-1].isprintable()
        assert len(line) <= 301


def test_warnings_are_notes(capsys):
    with note_warnings(), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("the run was begun with torch 2.0", stacklevel=1)
    assert capsys.readouterr().err == "note: the run was begun with torch 2.0\n"


def test_a_home_that_cannot_be_written_is_no_news(tmp_path):
    code = "from phasescope.cli.messages import note_warnings\nwith note_warnings():\n    import matplotlib"
    (tmp_path / "home").write_text("no folder")
    places = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "MPLCONFIGDIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | places, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (NonFinite("step 3: W_E"), 3, "error: step 3: W_E"),
        (DamagedFile("x is damaged"), 4, "error: x is damaged"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a"),
            5,
            "error: runs/a: No space left on device",
        ),
        (OSError(errno.EACCES, "Permission denied", "runs"), 2, "error: runs: Permission denied"),
        (MemoryError(), 5, "error: the memory of this machine is full; try a smaller modulus or network"),
        (KeyboardInterrupt(), 130, "stopped"),
        (Terminated("stopped"), 143, "stopped"),
    ],
)
def test_each_way_to_fail_has_its_status_and_at_most_one_line(monkeypatch, capsys, error, status, line):
    def fail(words):
        raise error

    monkeypatch.setattr(command_line, "_dispatch", fail)
    assert command_line.main([]) == status
    assert capsys.readouterr().err.rstrip("\n") == line


def test_every_paper_that_a_measure_names_can_be_cited(cli):
    named = {key for measure in MEASURES.values() for key in measure.references} | set(PRESETS) - set(
        SEQUENCE_PRESETS
    )
    assert named <= set(BIBLIOGRAPHY)
    assert cli("cite").out.count("@misc{") == len(BIBLIOGRAPHY)
    assert cli("cite", "gini_W_E").out.startswith("@misc{nanda2023,")
    assert "did you mean nanda2023?" in cli("cite", "nanda203").err


def test_bibtex_is_balanced():
    for reference in BIBLIOGRAPHY.values():
        assert reference.bibtex.count("{") == reference.bibtex.count("}")
        assert bool(reference.arxiv) != bool(reference.published)


def test_presets_are_listed_with_what_they_are(cli):
    lines = cli("presets").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PRESETS)


def test_a_table_is_printed_with_blanks(cli):
    assert cli("table", "a+b mod 3").out.splitlines()[2:] == ["0 | 0 1 2", "1 | 1 2 0", "2 | 2 0 1"]
    assert cli("table", "a+b mod 5", "--split", "nanda2023:0:0.4").out.count(" .") == 15


@pytest.mark.parametrize(
    ("task", "split", "key"),
    [
        ("a+b mod 5", "nanda2023:0:0.4", ". where the answer is held out"),
        ("a/b mod 6", "all", ". where the operation has none"),
        ("a/b mod 5", "nanda2023:0:0.5", ". where the answer is held out or the operation has none"),
        ("a+b mod 3", "all", "2 | 2 0 1"),
    ],
)
def test_a_dot_in_a_table_is_explained_and_only_a_dot(cli, task, split, key):
    assert cli("table", task, "--split", split).out.splitlines()[-1] == key


def test_only_what_goes_on_where_it_was_says_so(cli, monkeypatch):
    def stop(**given):
        raise KeyboardInterrupt

    monkeypatch.setattr("phasescope.studies.nanda2023.reproduce", stop)
    stopped = cli("reproduce", "nanda2023")
    assert stopped.status == 130
    assert stopped.err == "stopped; what is trained is on the disk, and the same command goes on\n"
    monkeypatch.setattr("phasescope.viewer.serve.serve", lambda *given: stop())
    assert cli("view", "--no-browser", "--root", ".").err == "stopped\n"


@pytest.mark.parametrize("words", ["claims", "claims nanda2023-seed0", "measure --list", "runs"])
def test_a_reader_that_closes_the_pipe_ends_a_command_quietly(cli, tmp_path, words):
    folder = RunFolder.create(tmp_path / "runs", "nanda2023-seed0", nanda2023().canonical_json(), {}).path
    (folder / "claims.json").write_text(claims_to_json([judge(one, {}) for one in MAINLINE]))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as closed:
        done = subprocess.run(
            [sys.executable, "-m", "phasescope", *words.split()],
            cwd=tmp_path,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_columns_of_numbers_are_set_to_the_right_and_nothing_escapes_to_the_terminal():
    assert text_table(("a", "n"), [("x\x1b[2J", "1"), ("y", "10")]).splitlines() == [
        "a          n",
        "x\\x1b[2J   1",
        "y         10",
    ]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "3", 3),
        (int, "1e3", 1000.0),
        (float, ".5", 0.5),
        (float, "nan", "nan"),
        (bool, "true", True),
        (bool, "True", "True"),
        (int | None, "null", None),
        (str, "3", "3"),
        (tuple[tuple[int, ...], ...], "[[1]]", [[1]]),
        (int, "[" * 100_000, "[" * 100_000),
    ],
)
def test_what_a_text_means_depends_on_the_type(kind, text, value):
    meant = Flag(("x",), (kind,), "").value(text)
    assert meant == value
    assert type(meant) is type(value)
