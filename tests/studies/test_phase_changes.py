"""The study of phase changes: the cheapest task from nothing, resumed, with its table, figures and claims."""

import json

import pytest

from phasescope.cli import main
from phasescope.evidence.claims_file import claims_from_json
from phasescope.studies.phase_changes import reproduce
from phasescope.studies.phase_changes_cells import CELLS
from phasescope.tasks.drawn import DrawnSplit, StreamSplit


def test_cells_differ_only_in_data_and_decay():
    for cell in CELLS:
        recipe, unlimited = cell.recipe(3), next(c for c in CELLS if c.task == cell.task).recipe(3)
        assert (recipe.task, recipe.model, recipe.seed) == (unlimited.task, unlimited.model, 3)
        assert (recipe.optimiser.weight_decay > 0) == cell.decay
        assert isinstance(recipe.split, StreamSplit if cell.n_train is None else DrawnSplit)
        assert getattr(recipe.split, "n_train", None) == cell.n_train
    digests = {cell.recipe(0).digest for cell in CELLS}
    assert len(digests) == len({cell.claim.id for cell in CELLS}) == len(CELLS)
    assert len({cell.recipe(0).name for cell in CELLS}) == len(CELLS)


def test_claims_are_printed_before_any_run(capsys):
    assert main(["claims", "phase_changes"]) == 0
    out = capsys.readouterr().out
    assert out.count("phase change.") == 2 * len({cell.task for cell in CELLS})


def test_steps_are_refused_in_one_line(capsys):
    assert main(["reproduce", "phase_changes", "--steps", "50"]) == 2
    line = "error: phase_changes has steps of its own for every task; leave out --steps"
    assert capsys.readouterr().err.strip() == line


@pytest.mark.slow
def test_the_cheapest_task_shows_its_phase_change_and_is_not_trained_twice(tmp_path):
    cells = [cell for cell in CELLS if cell.task == "skip trigrams" and cell.n_train is None and cell.decay]
    found = reproduce((0,), tmp_path, cells=cells, depth=False, show=False)
    [(course, *_)] = [list(of.values()) for of in found.courses.values()]
    assert course.way == "phase change", course.why
    assert 60 <= course.fall.begins.low <= course.fall.ends.high <= 250
    text = found.page.read_text()
    assert "phase change 1/1" in text
    assert (tmp_path / "phase_changes" / "figures" / "skip-trigrams.png").stat().st_size > 10_000
    claims = claims_from_json((tmp_path / "phase_changes" / "claims.json").read_text(), "claims")
    assert [one.verdict for one in claims] == ["shown"]
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    reproduce((0,), tmp_path, cells=cells, depth=False, show=False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == written
    assert json.loads((tmp_path / "phase_changes" / "claims.json").read_text())
