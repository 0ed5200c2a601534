"""The exported page: whole, offline, harmless, and with the store's own numbers."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from phasescope.cli import main
from phasescope.errors import PhasescopeError
from phasescope.evidence.claims_file import claims_to_json
from phasescope.evidence.verdict import judge
from phasescope.store.metrics import read_metrics
from phasescope.store.run_folder import RunFolder
from phasescope.studies.nanda2023_claims import MAINLINE
from phasescope.viewer import export
from phasescope.viewer.arrays import unpacked
from phasescope.viewer.export import Extra, export_page
from phasescope.viewer.frames import read_frame
from phasescope.viewer.problem import Problem


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.found and self.found[-1][0] in ("script", "style"):
            self.texts.append((self.found[-1][0], data))


def record_of(html: str) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="record">(.*?)</script>', html, flags=re.DOTALL)
    return json.loads(text)


@pytest.fixture(scope="module")
def page(trained, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    done = export_page(trained, path)
    assert (done.n_frames, done.n_checkpoints, done.n_bytes) == (11, 11, path.stat().st_size)
    return path.read_text(encoding="utf-8")


def test_loads_nothing(page):
    elements = Elements(page)
    for tag, attributes in elements.found:
        assert tag not in {"iframe", "object", "embed", "base", "form", "img"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "action", "srcset"):
                assert value == "data:,", (tag, name, value)
    own = re.sub(r'"http://www\.w3\.org/2000/svg"', "", page)  # a name, not an address
    assert "http" not in own.replace("http-equiv", "")
    assert "@import" not in page
    assert "url(" not in page


def test_the_policy_allows_these_very_scripts_only(page):
    (policy,) = (a["content"] for t, a in Elements(page).found if a.get("http-equiv"))
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none';")


def test_series_are_the_stores_to_the_bit(page, trained):
    shown = {one["name"]: one for one in record_of(page)["series"]}
    logged = read_metrics(trained.metrics)
    assert set(shown) == set(logged) >= {"train_loss", "test_loss", "train_accuracy", "test_accuracy"}
    for name, (steps, values) in logged.items():
        np.testing.assert_array_equal(unpacked(shown[name]["steps"], "f8"), steps)
        np.testing.assert_array_equal(unpacked(shown[name]["values"], "f8"), values)


def test_frames_are_those_of_the_checkpoints(page, trained):
    record = record_of(page)
    frames, keys = record["frames"], record["keys"]
    assert frames["steps"] == list(range(0, 201, 20))
    assert keys
    circles = {k: unpacked(frames["circles"][str(k)], "f4").reshape(11, 11, 2) for k in keys}
    norms = unpacked(frames["norms"]["W_L"], "f4").reshape(11, 5)
    for place, step in enumerate(frames["steps"]):
        frame = read_frame(trained, step, Problem(p=11))
        np.testing.assert_allclose(norms[place], frame.norms["W_L"], rtol=1e-6)
        for k in keys:
            np.testing.assert_allclose(circles[k][place], frame.circles[k - 1], atol=1e-6)


def test_markup_in_files_stays_text(store, trained, tmp_path):
    nasty = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)>"
    evidence = judge(MAINLINE[0].model_copy(update={"statement": nasty}), {0: 2.4e-7})
    folder = RunFolder.open(store / trained.path.name)
    folder.claims.write_text(claims_to_json([evidence]))
    path = tmp_path / "page.html"
    export_page(folder, path)
    html = path.read_text(encoding="utf-8")
    assert record_of(html)["run"]["evidence"][0]["statement"] == nasty
    assert "<script>alert" not in html
    assert "<img" not in html
    assert sum(tag == "script" for tag, _ in Elements(html).found) == 2


def test_too_many_checkpoints_are_thinned_and_the_page_says_so(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MOST", 5)
    monkeypatch.setattr(export, "FEWEST", 2)
    done = export_page(trained, tmp_path / "page.html")
    record = record_of((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert (done.n_frames, done.n_checkpoints) == (5, 11)
    assert record["frames"]["steps"][0] == 0
    assert record["frames"]["steps"][-1] == 200
    assert any("5 of 11 checkpoints" in note for note in record["notes"])


def test_what_was_measured_elsewhere_joins(trained, tmp_path):
    points = (np.array([0, 200]), np.array([2.0, 0.5]))
    export_page(trained, tmp_path / "page.html", Extra({"restricted_loss": points}, "measured so"))
    record = record_of((tmp_path / "page.html").read_text(encoding="utf-8"))
    (shown,) = (one for one in record["series"] if one["name"] == "restricted_loss")
    assert unpacked(shown["values"], "f8").tolist() == [2.0, 0.5]
    assert "measured so" in record["notes"]


def test_a_run_with_nothing_in_it_is_refused(tmp_path):
    folder = RunFolder.create(tmp_path, "empty", "{}", {})
    with pytest.raises(PhasescopeError, match="needs metrics or checkpoints"):
        export_page(folder, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_command_writes_the_page(trained, tmp_path, capsys):
    path = tmp_path / "page.html"
    assert main(["view", str(trained.path), "--export", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: ")
    assert len(record_of(path.read_text(encoding="utf-8"))["frames"]["steps"]) == 11


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--export", "page.html"], "--export needs a RUN"),
        (["nope", "--export", "page.html"], "no run 'nope'"),
        (["nope", "--export", "page.txt"], "ends in .html"),
        (["--no-measures"], "belongs to --export"),
        (["nope"], "no run 'nope'"),
        (["--root", "nosuchdir"], "no folder of runs at nosuchdir; train a run first"),
        (["--root", ".", "--port", "70000"], "a port needs to be from 0 to 65535"),
    ],
)
def test_mistakes_are_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["view", *words]) == 2
    answer = capsys.readouterr()
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("absent", ["starlette", "uvicorn"])
def test_without_the_extra_one_line_says_what_to_install(absent, tmp_path):
    code = (
        f"import sys; sys.modules[{absent!r}] = None; from phasescope.cli import main\n"
        f"sys.exit(main(['view', '--root', {str(tmp_path)!r}, '--no-browser']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"needs {absent} to serve: pip install 'phasescope[viewer]'" in done.stderr
    assert done.stderr.count("\n") == 1
