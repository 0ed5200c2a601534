"""The pages in a real browser: the slider is dragged, keys are pressed, a run is followed."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from chromium import FOUND, Chromium

from phasescope.algebra.fourier import fourier_basis
from phasescope.measures.spectrum import frequency_share
from phasescope.store.lock import RunLock
from phasescope.store.metrics import DeclaredMeasure, MetricsLog
from phasescope.store.run_folder import RunFolder, run_name
from phasescope.store.status import Status, write_status
from phasescope.training.run import Run
from phasescope.viewer.export import export_page
from phasescope.viewer.listing import run_id

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium on this machine (Debian: chromium)")

SHOWN = "document.body.dataset.shown"
CIRCLES = "document.querySelector('#circles canvas').toDataURL()"
BARS = "document.querySelector('#fourier-norms canvas').toDataURL()"
STATE = "document.querySelector('.state').textContent"
SLIDER = "document.querySelector('input[type=range]')"


@pytest.fixture
def browser(tmp_path):
    window = Chromium(tmp_path / "profile")
    try:
        yield window
    finally:
        window.close()


@pytest.fixture
def page(trained, tmp_path):
    export_page(trained, tmp_path / "page.html")
    return (tmp_path / "page.html").as_uri()


def test_the_exported_page_by_mouse_and_by_keyboard(browser, page):
    browser.open(page)
    assert browser.run(SHOWN) == "200"
    browser.resize(1400, 4000)  # everything in view
    browser.until("document.querySelector('#fourier-norms canvas') !== null")
    last, last_bars = browser.run(CIRCLES), browser.run(BARS)

    left, right, y = (
        browser.run(f"{SLIDER}.getBoundingClientRect().{side}") for side in ("left", "right", "top")
    )
    browser.drag((right - 9, y + 12), (left + 2, y + 12))
    browser.until(f"{SHOWN} === '0'")
    assert browser.run(CIRCLES) != last
    assert browser.run(BARS) != last_bars
    browser.until(f"{SLIDER}.getAttribute('aria-valuetext').startsWith('step 0')")
    label = browser.run("document.querySelector('#loss svg').getAttribute('aria-label')")
    assert label.startswith("Loss at step 0: train loss ")

    browser.run("document.activeElement.blur()")
    for key, step in (
        ("ArrowRight", "20"),
        ("ArrowRight", "40"),
        ("ArrowLeft", "20"),
        ("End", "200"),
        ("Home", "0"),
    ):
        browser.key(key)
        browser.until(f"{SHOWN} === '{step}'")
    browser.key(" ", "Space")  # plays to the end
    browser.until(f"{SHOWN} === '200'")
    assert browser.run(CIRCLES) == last
    assert [url for url in browser.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert browser.said == []


def test_panels_fit_a_phone_and_turn_dark(browser, page):
    browser.resize(360, 740)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth") <= 360  # nothing sticks out to the side
    light = browser.run("getComputedStyle(document.body).backgroundColor")
    browser.resize(1600, 900, dark=True)
    browser.until(f"getComputedStyle(document.body).backgroundColor !== '{light}'")
    assert browser.run("document.documentElement.scrollWidth") <= 1600
    assert browser.said == []


def test_a_link_opens_at_its_step(browser, page):
    browser.open(f"{page}#step=60&panel=weights")
    assert browser.run(SHOWN) == "60"


CATCH = (
    "PS.saved = []; "
    "PS.download = (name, blob) => { blob.text().then((text) => PS.saved.push([name, text])); }"
)


def test_every_panel_saves_as_svg_png_and_csv_and_has_a_link(browser, page):
    browser.resize(1400, 9000)
    browser.open(page)
    browser.until("[...document.querySelectorAll('.drawing')].every((one) => one.querySelector('canvas'))")
    browser.run(CATCH)
    names = browser.run("[...document.querySelectorAll('section.card')].map((one) => one.id)")
    assert {"loss", "circles", "attention", "neuron", "logits", "fourier-norms", "weights"} <= set(names)
    for i, name in enumerate(names, start=1):
        browser.run(
            f"document.querySelectorAll('#{name} .save button').forEach((one) => one.click()); "
            f"document.querySelector('#{name} .save a').click()"
        )
        assert f"panel={name}" in browser.run("location.hash")
        browser.until(f"PS.saved.length === {3 * i}")
        saved = {file.rsplit(".")[-1]: text for file, text in browser.run(f"PS.saved.slice({3 * i - 3})")}
        assert saved["svg"].startswith("<svg")
        assert "<canvas" not in saved["svg"]
        assert "PNG" in saved["png"][:8]
        head, *rows = saved["csv"].splitlines()
        assert rows, name
        assert {row.count(",") for row in rows} == {head.count(",")}
        if name == "circles":
            assert head == "step,frequency,residue,cosine_direction,sine_direction"
            assert rows[0].startswith("200,")
            assert saved["svg"].count("<circle") == len(rows)
    assert browser.said == []


def test_what_the_page_puts_together_is_the_network(browser, page, trained):
    browser.open(f"{page}#step=100")
    browser.run(CATCH)
    for name in ("attention", "neuron", "logits"):
        browser.run(f"document.querySelector('#{name} .save button:nth-child(3)').click()")
    browser.until("PS.saved.length === 3")
    saved = {file.split("-")[-2]: text for file, text in browser.run("PS.saved")}
    rows = {name: list(csv.reader(text.splitlines()))[1:] for name, text in saved.items()}
    run = Run(trained)
    with torch.no_grad():
        out, cache = run.model(100).run_with_cache(torch.tensor(run.task.tokens))
    pattern, neurons = cache["blocks.0.attn.pattern"][:, :, -1], cache["blocks.0.mlp.post"][:, -1]
    for step, head, a, b, to_a, to_b in rows["attention"]:
        expected = pattern[int(a) * 11 + int(b), int(head)]
        assert [float(to_a), float(to_b)] == pytest.approx(expected[:2].tolist(), abs=1e-6)
        assert step == "100"
    chosen = int(rows["neuron"][0][1])
    for _, _, a, b, activation, polynomial in rows["neuron"]:
        expected = float(neurons[int(a) * 11 + int(b), chosen])
        assert float(activation) == pytest.approx(expected, abs=4e-3)  # float16
        assert np.isfinite(float(polynomial))
    for _, a, b, c, logit in rows["logits"]:
        assert float(logit) == pytest.approx(float(out[int(a) * 11 + int(b), -1, int(c)]), abs=1e-5)


def test_the_polynomial_is_the_projection_on_a_frequencys_block(browser, page):
    browser.open(page)
    p, k = 7, 2
    basis = fourier_basis(p)
    plane = np.random.default_rng(0).standard_normal((p, p))
    rows = basis[[0, 2 * k - 1, 2 * k]]
    expected = rows.T @ (rows @ plane @ rows.T) @ rows
    values = json.dumps(plane.ravel().tolist())
    found = browser.run(f"[...PS.polynomial(Float64Array.from({values}), {p}, {k})]")
    np.testing.assert_allclose(np.reshape(found, (p, p)), expected, atol=1e-12)
    for size in (7, 8):
        plane = np.random.default_rng(1).standard_normal((size * size, 1))
        share = frequency_share(torch.tensor(plane), torch.tensor(fourier_basis(size))).share[:, 0]
        found = browser.run(f"PS.shares(Float64Array.from({json.dumps(plane.ravel().tolist())}), {size})")
        np.testing.assert_allclose(found, share, atol=1e-12)


def test_a_measure_gets_a_panel_by_its_shape_alone(browser, store, tmp_path):
    (name,) = os.listdir(store)
    run = Run(RunFolder.open(store / name))
    steps = np.array([0, 100, 200])
    kept = {"novelty": (steps, np.array([1.0, 2.0, 3.0]))}
    kept["<img src=x onerror=alert(1)>"] = kept["novelty"]
    kept |= {
        f"by_irrep.{irrep}": (steps, np.ones(3) * i) for i, irrep in enumerate(["trivial", "sign", "std"])
    }
    kept |= {f"by_position.{i}": (steps, np.ones(3) * i) for i in range(9)}
    run.keep(
        kept,
        [DeclaredMeasure("novelty", unit="bits", scale="log"), DeclaredMeasure("by_position.{position}")],
    )
    export_page(run.folder, tmp_path / "page.html")
    browser.resize(1400, 9000)
    browser.open((tmp_path / "page.html").as_uri())
    text = "document.querySelector('#measure-{} svg').textContent"
    browser.until("document.querySelector('#measure-novelty svg') !== null")
    assert "bits" in browser.run(text.format("novelty"))
    assert "position" in browser.run(text.format("by_position"))
    label = browser.run("document.querySelector('#measure-by_irrep svg').getAttribute('aria-label')")
    assert label.endswith("at step 200: sign 1, std 2, trivial 0")
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.said == []


def grokking(store, trained, seed, drop):
    """A copy of the run under another seed, with losses that memorise at 20 and drop from a step on."""
    recipe = Run(trained).recipe.model_copy(update={"seed": seed}).canonical_json()
    folder = RunFolder(store / run_name("small", hashlib.sha256(recipe.encode()).hexdigest()))
    shutil.copytree(trained.path, folder.path)
    folder.recipe.write_text(recipe)
    with RunLock(folder), MetricsLog(folder.metrics) as log:
        log.truncate_after(-1)
        for step in range(0, 201, 2):
            fall = 0.001 * step + 0.25 * min(max(step - drop, 0), 40)
            rise = min(step, 20) / 10
            log.add(step, {"train_loss": 4 * np.exp(-step / 3) + 1e-5, "test_loss": 4 * np.exp(rise - fall)})
        log.commit()
    return run_id(folder.path.name)


def test_runs_beside_each_other_by_step_and_by_phase(browser, store, trained, serve):
    first, second = grokking(store, trained, 1, drop=120), grokking(store, trained, 2, drop=60)
    with serve(store) as port:
        browser.open(f"http://127.0.0.1:{port}/run/{first}-{second}#step=0")
        assert browser.run("document.querySelectorAll('section.circles').length") == 2
        starts = browser.run(
            "[...document.querySelectorAll('.strip')].map((one) => [...one.querySelectorAll('button')].map("
            "(part) => [part.textContent, Number(part.title.match(/step (\\d+)/)[1])]))"
        )
        (ours, theirs) = (dict(phases)["cleanup"] for phases in starts)
        assert abs(ours - 120) <= 8
        assert abs(theirs - 60) <= 8
        shown = "document.querySelector('.step').textContent"
        cleanup = (
            "[...document.querySelectorAll('.strip button')].find((one) => one.textContent === 'cleanup')"
        )
        browser.run(f"{cleanup}.click()")
        browser.until(f"{SHOWN} !== '0'")
        here = browser.run(SHOWN)
        assert browser.run(shown) == here  # by step: one for both
        browser.run(
            "(() => { const align = document.querySelector('.align select'); align.value = 'phase'; "
            "align.dispatchEvent(new Event('change')); })()"
        )
        mine, other = (int(part) for part in browser.run(shown).split(" · "))
        assert mine == int(here)
        assert abs(other - (theirs + mine - ours)) <= 8  # as far from the start of the same phase
        assert "align=phase" in browser.run("location.hash")
        assert browser.run("PS.alignment([{ phases: [] }, { phases: [] }])") is None
        assert browser.said == []


def test_the_store_a_run_two_runs_and_a_live_one(browser, store, serve):
    pytest.importorskip("uvicorn", reason="the extra viewer is not installed")
    (name,) = os.listdir(store)
    folder, an_id = RunFolder.open(store / name), run_id(name)
    with serve(store) as port:
        browser.open(f"http://127.0.0.1:{port}/")
        assert name in browser.run("document.querySelector('.store tbody').textContent")
        browser.run("document.querySelector('.store a').click()")
        browser.until("location.pathname.startsWith('/run/') && document.body?.dataset.ready === 'yes'")
        assert browser.run(SHOWN) == "200"
        browser.open(f"http://127.0.0.1:{port}/run/{an_id}-{an_id}")
        assert browser.run("document.querySelectorAll('section.circles').length") == 2

        with RunLock(folder), MetricsLog(folder.metrics) as log:
            write_status(folder, Status(state="training", step=200, steps=400))
            browser.open(f"http://127.0.0.1:{port}/run/{an_id}#live")
            log.add(300, {"train_loss": 0.0123})
            log.commit()
            write_status(folder, Status(state="training", step=300, steps=400))
            browser.until("document.querySelector('.outcome').textContent.includes('step 300 of 400')")
            label = "document.querySelector('#loss svg').getAttribute('aria-label')"
            browser.until(f"{label}.startsWith('Loss at step 300: train loss 0.0123')")
        assert browser.said == []


def test_a_run_that_another_process_trains_is_followed(browser, trained, tmp_path, serve):
    recipe = Run(trained).recipe.model_copy(update={"steps": 1000, "seed": 9})
    (tmp_path / "runs").mkdir()
    code = (
        "import sys, time; from phasescope.training.engine import train\n"
        "from phasescope.training.recipe import Recipe\n"
        "def slowly(model, step): time.sleep(0.06); return {}\n"
        "train(Recipe.from_json(sys.argv[1]), sys.argv[2], show_progress=False, probe=slowly)"
    )
    training = subprocess.Popen([sys.executable, "-c", code, recipe.canonical_json(), str(tmp_path / "runs")])
    try:
        with serve(tmp_path / "runs") as port:
            browser.open(f"http://127.0.0.1:{port}/")
            browser.until("document.querySelector('.store .training') !== null")
            browser.run("document.querySelector('.store a').click()")
            browser.until("location.pathname.startsWith('/run/') && document.body?.dataset.ready === 'yes'")
            early = int(browser.run(SHOWN))
            assert early < 1000
            browser.until(f"{SHOWN} > {early}")  # its newest points come by themselves
            assert browser.run(STATE) in ("training", "finished")
            browser.until(f"{SHOWN} === '1000'")
            browser.until(f"{STATE} === 'finished'")
            assert browser.said == []
        assert training.wait(60) == 0
    finally:
        training.kill()
        training.wait(20)
