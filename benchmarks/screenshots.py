"""The pictures of the viewer in docs/images, taken in a headless Chromium.

    python -m benchmarks.screenshots RUN [FOLDER]

RUN is a finished run with its checkpoints: the mainline of nanda2023. Two seeds to compare, a run that is
still training when its picture is taken, one on sequences and one in a group are trained here and take some
three minutes. The machine needs Chromium.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.viewer import serving
from phasescope.models.config import EmbeddingMLPConfig, TransformerConfig
from phasescope.store.run_folder import RunFolder
from phasescope.store.status import read_status
from phasescope.tasks.config import ModularTask
from phasescope.tasks.split import SplitConfig
from phasescope.training.engine import train
from phasescope.training.presets import chughtai2023, nanda2023
from phasescope.training.recipe import Recipe, ScheduleConfig
from phasescope.training.sequence_presets import repeats
from phasescope.viewer.export import export_page
from phasescope.viewer.listing import run_id
from tests.viewer.chromium import FOUND, Chromium

MIDDLE = 9800
"""A step of the mainline at which the circles close."""
STEPS = 4000
"""Of the two seeds beside each other."""


def quick(seed: int, steps: int) -> Recipe:
    """The mainline's recipe on a small problem, which it solves within a minute."""
    mainline = nanda2023(seed=seed)
    return mainline.model_copy(
        update={
            "name": f"p31-seed{seed}",
            "task": ModularTask(p=31),
            "split": SplitConfig(kind="nanda2023", fraction=0.7, seed=seed),
            "model": TransformerConfig(d_model=64, n_heads=4, d_head=16, d_mlp=128),
            "optimiser": mainline.optimiser.model_copy(update={"weight_decay": 2.0}),
            "steps": steps,
            "double_steps": 0,
            "threads": 1,
            "schedule": ScheduleConfig(every_step_until=50, look_every=50, checkpoint_every=50),
        }
    )


def on_sequences() -> Recipe:
    """The repeated subsequence, with more checkpoints than its preset has: the slider wants places."""
    schedule = ScheduleConfig(every_step_until=1, look_every=10, checkpoint_every=20)
    return repeats().model_copy(update={"schedule": schedule})


def in_a_group() -> Recipe:
    """The recipe of chughtai2023 on a small group, which it learns within seconds from 80 % of the pairs."""
    published = chughtai2023("S4", steps=5000)
    return published.model_copy(
        update={
            "split": published.split.model_copy(update={"fraction": 0.8}),
            "model": EmbeddingMLPConfig(d_embed=64, d_hidden=64),
            "schedule": ScheduleConfig(every_step_until=1, look_every=20, checkpoint_every=50),
            "threads": 1,
        }
    )


class Camera:
    """A window and the folder its pictures go to."""

    def __init__(self, window: Chromium, folder: Path) -> None:
        self.window, self.folder = window, folder

    def take(self, name: str, url: str, size: tuple[int, int], dark: bool = False, at: str = "") -> None:
        """Open a page, go to a panel if one is named, wait for what is drawn late, take the picture."""
        self.window.resize(*size, dark=dark)
        self.window.send("Page.navigate", url="about:blank")
        self.window.open(url)
        if at:
            self.window.run(f"document.querySelector({at!r}).scrollIntoView()")
        time.sleep(1.5)
        (self.folder / f"{name}.png").write_bytes(self.window.picture())
        if self.window.said:
            sys.exit(f"error: the page of {name} complained: {self.window.said[0]:.200}")
        print(self.folder / f"{name}.png", flush=True)


@contextmanager
def training(store: Path) -> Iterator[str]:
    """A second process that goes on with the third seed's training; its first thousand steps are done."""
    command = [sys.executable, "-m", "phasescope", "resume", "p31-seed2", "--root", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (path,) = store.glob("p31-seed2-*")
    try:
        while read_status(RunFolder(path)).step < 1000 and process.poll() is None:
            time.sleep(0.5)
        yield path.name
    finally:
        process.terminate()
        process.wait(60)


def take_all(camera: Camera, store: Path, mainline: str, trained: list[str], export: Path) -> None:
    """Take every picture.

    Args:
        camera: Where they go.
        store: The runs.
        mainline: Folder name of the mainline.
        trained: Those of the two seeds, the sequence run and the group run.
        export: The mainline as one file.
    """
    with serving(store) as port:
        home, page = f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/run/{run_id(mainline)}"
        pair = f"http://127.0.0.1:{port}/run/{run_id(trained[0])}-{run_id(trained[1])}"
        sequence, group = (f"http://127.0.0.1:{port}/run/{run_id(one)}" for one in trained[2:])
        camera.take("viewer-store", home, (1400, 420))
        camera.take("viewer", f"{page}#step={MIDDLE}", (1400, 1500))
        camera.take("viewer-start", f"{page}#step=0", (1400, 1500))
        camera.take("viewer-dark", f"{page}#step={MIDDLE}", (1400, 1500), dark=True)
        camera.take("viewer-circuit", f"{page}#step=16000", (1400, 1600), at="[aria-label='The circuit']")
        camera.take(
            "viewer-measures",
            f"{page}#step={MIDDLE}",
            (1400, 1500),
            dark=True,
            at="[aria-label='Frequencies']",
        )
        camera.take("viewer-phone", f"{page}#step={MIDDLE}", (390, 1500), at="#circles")
        camera.take("viewer-compare", f"{pair}#step=1000&align=phase", (1400, 1500))
        camera.take("viewer-sequence", sequence, (1400, 1560))
        camera.take("viewer-group", group, (1400, 780), at="[aria-label='Irreps']")
        with training(store) as name:
            camera.take("viewer-live", f"http://127.0.0.1:{port}/run/{run_id(name)}", (1400, 900))
    camera.take("viewer-export", f"{export.as_uri()}#step={MIDDLE}", (1400, 900), at="#attention")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the viewer.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run of the mainline")
    parser.add_argument("folder", type=Path, metavar="FOLDER", nargs="?", default=Path("docs/images"))
    options = parser.parse_args()
    if FOUND is None:
        sys.exit("error: taking pictures needs Chromium; Debian has it as chromium")
    with tempfile.TemporaryDirectory() as made:
        store = Path(made) / "runs"
        mainline = RunFolder.open(options.run)
        shutil.copytree(mainline.path, store / mainline.path.name)
        recipes = [quick(0, STEPS), quick(1, STEPS), on_sequences(), in_a_group()]
        trained = [train(recipe, store).folder.path.name for recipe in recipes]
        train(quick(2, 20_000), store, show_progress=False, max_seconds=2)
        export_page(mainline, Path(made) / "page.html")
        window = Chromium(Path(made) / "profile")
        try:
            take_all(
                Camera(window, options.folder), store, mainline.path.name, trained, Path(made) / "page.html"
            )
        finally:
            window.close()


if __name__ == "__main__":
    main()
