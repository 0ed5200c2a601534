"""How fast the viewer is: first paint of a store, a step of the slider, a thousand requests at once.

    python -m benchmarks.viewer RUN [--json bench.json]

RUN is a finished run with its checkpoints, the mainline of nanda2023 for the published figures. The store
holds 500 copies of a small run. Times are measured inside a headless Chromium, which needs to be on this
machine: first paint is when the table's first rows are drawn, counted from the navigation; a step of the
slider lasts from its input event until the frame that shows it is drawn, and includes the wait for that frame
(up to 17 ms). Beside it stands the processor time of the page's main thread, which a busy machine does not
inflate. The requests come from one client that opens every connection before it asks on any.
"""

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from phasescope.models.config import TransformerConfig
from phasescope.store.run_folder import RunFolder, run_name, steps_in
from phasescope.tasks.config import ModularTask
from phasescope.tasks.split import SplitConfig
from phasescope.training.engine import train
from phasescope.training.recipe import Recipe, ScheduleConfig
from phasescope.viewer.listing import run_id
from tests.viewer.chromium import FOUND, Chromium

RUNS, REQUESTS = 500, 1000
SMALL = Recipe(
    name="small",
    task=ModularTask(operation="a+b", p=11),
    split=SplitConfig(kind="nanda2023", fraction=0.5, seed=0),
    model=TransformerConfig(d_model=16, n_heads=2, d_head=8, d_mlp=32),
    steps=1000,
    schedule=ScheduleConfig(every_step_until=100, look_every=10, checkpoint_every=100),
    threads=1,
)

FIRST_ROW = """(async () => {
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  while (!document.querySelector(".store tbody tr")) await drawn();
  await drawn();
  const first = performance.now();
  const of = (name) => performance.getEntriesByType("paint").find((one) => one.name === name)?.startTime;
  while (document.querySelectorAll(".store tbody tr").length < RUNS) await drawn();
  const paint = of("first-contentful-paint");
  return { first_contentful_paint: paint, first_rows: first, all_rows: performance.now() };
})()"""

STEPS = """(async () => {
  const slider = document.querySelector("input[type=range]"), times = [];
  const drawn = () => new Promise((resolve) => {
    const after = new MessageChannel();
    after.port1.onmessage = () => { after.port1.close(); resolve(); };
    requestAnimationFrame(() => after.port2.postMessage(0));
  });
  for (let i = FROM; i <= TO; i += 1) {
    await drawn();
    const begun = performance.now();
    slider.value = i;
    slider.dispatchEvent(new Event("input"));
    await drawn();
    if (document.body.dataset.shown === undefined) throw new Error("nothing was shown");
    times.push(performance.now() - begun);
  }
  return times;
})()"""

IN_VIEW = """[...document.querySelectorAll("section.card")].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}).length"""


@contextmanager
def serving(root: Path) -> Iterator[int]:
    """A server of its own process over a store, on a free port."""
    command = [sys.executable, "-m", "phasescope", "view", "--root", str(root), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().split(":")[2].split("/")[0])
    finally:
        process.terminate()
        process.wait(20)


def store_of_copies(root: Path) -> Path:
    """A store of small runs, each with a folder, checkpoints and metrics of its own."""
    trained = train(SMALL, root / "first", show_progress=False).folder
    for i in range(RUNS):
        recipe = SMALL.model_copy(update={"seed": i})
        text = recipe.canonical_json()
        copy = root / "runs" / run_name(recipe.name, hashlib.sha256(text.encode()).hexdigest())
        shutil.copytree(trained.path, copy)
        (copy / "recipe.json").write_text(text)
    return root / "runs"


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, round(part * (len(values) - 1)))]


def summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "p95": percentile(values, 0.95), "max": max(values)}


def first_paint(window: Chromium, port: int) -> dict[str, float]:
    window.send("Page.navigate", url=f"http://127.0.0.1:{port}/")
    return window.run(FIRST_ROW.replace("RUNS", str(RUNS)))


def slider_steps(window: Chromium, url: str, height: int) -> dict[str, Any]:
    """Every checkpoint once, forward; then, a step at a time, what the page's main thread spends on it."""
    window.resize(1400, height)
    window.send("Page.navigate", url="about:blank")
    window.open(url)
    last = int(window.run("document.querySelector('input[type=range]').max"))
    time.sleep(1.0)
    seconds = window.run(STEPS.replace("FROM", "1").replace("TO", str(last)))
    window.send("Performance.enable", timeDomain="threadTicks")
    spent = []
    for i in range(1, last + 1):
        before = cpu(window)
        window.run(STEPS.replace("FROM", str(i)).replace("TO", str(i)))
        spent.append({name: 1000 * (value - before[name]) for name, value in cpu(window).items()})
    window.send("Performance.disable")
    return {
        "checkpoints": last,
        "panels_in_view": window.run(IN_VIEW),
        "milliseconds_to_drawn": summary(seconds),
        "milliseconds_of_main_thread": summary([one["TaskDuration"] for one in spent]),
        "milliseconds_of_script": summary([one["ScriptDuration"] for one in spent]),
    }


def cpu(window: Chromium) -> dict[str, float]:
    found = {one["name"]: one["value"] for one in window.send("Performance.getMetrics")["metrics"]}
    return {name: found[name] for name in ("TaskDuration", "ScriptDuration")}


def many_at_once(port: int, paths: list[str]) -> dict[str, float]:
    """Open every connection first, then ask on all of them; an answer counts if it is whole and a 200."""

    async def ask(path: str, gate: asyncio.Event) -> tuple[bool, float]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await gate.wait()
            begun = time.perf_counter()
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            answer = await reader.read(-1)
            writer.close()
        except OSError:
            return False, float("nan")
        said, _, body = answer.partition(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in said.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        return said.startswith(b"HTTP/1.1 200") and len(body) == length, time.perf_counter() - begun

    async def all_of_them() -> list[tuple[bool, float]]:
        gate = asyncio.Event()
        asked = [asyncio.create_task(ask(paths[i % len(paths)], gate)) for i in range(REQUESTS)]
        await asyncio.sleep(0.5)
        gate.set()
        return await asyncio.gather(*asked)

    found = asyncio.run(all_of_them())
    return {
        "asked": REQUESTS,
        "answered": sum(right for right, _ in found),
        "p99_seconds": percentile([seconds for _, seconds in found], 0.99),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the viewer is.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here too")
    options = parser.parse_args()
    if FOUND is None:
        sys.exit("error: this benchmark needs Chromium; Debian has it as chromium")
    run = RunFolder.open(options.run)
    found: dict[str, Any] = {"load_before": os.getloadavg()[0], "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as made:
        store, window = store_of_copies(Path(made)), Chromium(Path(made) / "profile")
        try:
            with serving(store) as port:
                paints = [first_paint(window, port) for _ in range(3)]  # the first is of a server just begun
                found["store_of_500_milliseconds"] = {"cold": paints[0], "again": paints[1:]}
            with serving(run.path.parent) as port:
                an_id = run_id(run.path.name)
                page = f"http://127.0.0.1:{port}/run/{an_id}"
                found["slider"] = slider_steps(window, page, 900)
                found["slider_with_all_of_the_circuit_in_view"] = slider_steps(window, page, 2700)
                api = f"/api/run/{an_id}"
                paths = ["/", "/api/runs", api, f"{api}/news?after={steps_in(run.checkpoints)[-1]}"]
                found["at_once"] = many_at_once(port, paths)
        finally:
            window.close()
    text = json.dumps(found, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
