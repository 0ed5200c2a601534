"""A run: written down as scheduled, resumed bit for bit, never poisoned."""

import math

import numpy as np
import pytest
import torch

from phasescope.errors import NonFinite, PhasescopeError, RunInUse
from phasescope.models.kernel.build import build
from phasescope.store import state
from phasescope.store.lock import RunLock
from phasescope.training.engine import train
from phasescope.training.recipe import OptimiserConfig, StopConfig
from phasescope.training.run import Run
from phasescope.training.trainer import Trainer


def contents(run: Run) -> tuple[dict[str, bytes], dict[str, tuple[list[int], list[float]]]]:
    """All that training computed: sealed files to the byte, metrics to the bit."""
    files = {
        path.relative_to(run.folder.path).as_posix(): path.read_bytes()
        for path in sorted(run.folder.path.rglob("*.safetensors"))
    }
    return files, {name: (steps.tolist(), values.tolist()) for name, (steps, values) in run.metrics().items()}


def test_a_run_holds_what_its_schedule_says(small, tmp_path):
    run = train(small, root=tmp_path, show_progress=False)
    assert run.steps() == (0, 20, 40, 60)
    steps, losses = run.metrics()["train_loss"]
    assert steps.tolist() == [*range(10), 10, 20, 30, 40, 50, 60]
    assert losses[0] == losses[1], "the warm-up's first step moves nothing"
    assert set(run.metrics()) == {"train_loss", "test_loss", "train_accuracy", "test_accuracy"}
    assert run.status.state == "finished"
    assert run.outcome
    taken = run.folder.read_provenance()
    assert taken["forward"] == ("folded" if build().library is None else "compiled")
    assert taken["kernel"] == build().how
    assert state.steps(run.folder) == (40, 60)


def test_the_checkpoint_of_a_step_has_the_loss_written_at_that_step(small, tmp_path):
    run = train(small, root=tmp_path, show_progress=False)
    steps, losses = run.metrics()["test_loss"]
    for step in run.steps():
        logits = run.at(step).answer_logits(torch.from_numpy(run.task.tokens[run.split.test]))
        answers = torch.from_numpy(run.task.answers[run.split.test])
        loss = torch.nn.functional.cross_entropy(logits.double(), answers).item()
        assert loss == pytest.approx(losses[steps.tolist().index(step)], rel=1e-5)


def test_the_same_recipe_gives_the_same_bits_and_is_not_trained_twice(small, tmp_path):
    one = train(small, root=tmp_path / "one", show_progress=False)
    two = train(small, root=tmp_path / "two", show_progress=False)
    assert contents(one) == contents(two)
    written = {path: path.stat().st_mtime_ns for path in one.folder.path.rglob("*.safetensors")}
    again = train(small, root=tmp_path / "one", show_progress=False)
    assert {path: path.stat().st_mtime_ns for path in again.folder.path.rglob("*.safetensors")} == written


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"batch_size": 17},
        {"optimiser": OptimiserConfig(kind="sgd", momentum=0.9)},
        {"double_steps": 20},
        {"double_steps": 30},
    ],
)
def test_a_resumed_run_is_the_uninterrupted_one(small, tmp_path, change):
    recipe = small.model_copy(update=change)
    whole = train(recipe, root=tmp_path / "whole", show_progress=False)
    for _ in range(20):
        parts = train(recipe, root=tmp_path / "parts", show_progress=False, max_seconds=0.0)
        if parts.status.state == "finished":
            break
        assert parts.status.state == "interrupted"
    assert contents(parts) == contents(whole)


def test_minibatches_visit_every_example_once_an_epoch(small):
    trainer = Trainer(small.model_copy(update={"batch_size": 17}))
    train = trainer.examples.sides(0)["train"].tokens
    n_batches = math.ceil(len(train) / 17)
    epochs = []
    for epoch in range(2):
        seen = []
        for part in range(n_batches):
            seen.append(trainer.examples.batch(epoch * n_batches + part).tokens)
        epochs.append(torch.cat(seen))
        assert sorted(epochs[-1].tolist()) == sorted(train.tolist())
    assert epochs[0].tolist() != epochs[1].tolist()


def test_a_second_writer_is_refused(small, tmp_path):
    run = train(small, root=tmp_path, show_progress=False, max_seconds=0.0)
    with RunLock(run.folder), pytest.raises(PhasescopeError, match="process"):
        train(small, root=tmp_path, show_progress=False)


def test_a_value_that_is_not_finite_is_named_and_never_committed(small, tmp_path, monkeypatch):
    recipe = small.model_copy(update={"penalty": "explode"})
    with pytest.raises(NonFinite, match=r"gradient of unembed\.W_U") as caught:
        train(recipe, root=tmp_path, show_progress=False, penalty=poison_at(monkeypatch, 25))
    assert "step 25" in str(caught.value)
    run = Run(next(tmp_path.glob("small-*")))
    assert run.steps() == (0, 20)
    assert all(torch.isfinite(t).all() for _, model in run for t in model.parameters())
    assert run.status.state == "failed"
    assert "step 25" in run.outcome


def poison_at(monkeypatch, step: int):
    """A penalty that is NaN at one step, in the first training and in the replay."""
    at = {"step": -1}
    advance = Trainer.advance

    def telling_advance(trainer):
        at["step"] = trainer.step
        return advance(trainer)

    monkeypatch.setattr(Trainer, "advance", telling_advance)
    return lambda weights: (math.nan if at["step"] == step else 0.0) * weights["unembed.W_U"].sum()


def test_a_penalty_needs_its_name(small, tmp_path):
    with pytest.raises(PhasescopeError, match="name"):
        train(small, root=tmp_path, show_progress=False, penalty=lambda w: w["unembed.W_U"].sum())
    with pytest.raises(PhasescopeError, match="penalty='decay'"):
        train(small.model_copy(update={"penalty": "decay"}), root=tmp_path, show_progress=False)
    assert not list(tmp_path.iterdir())


def test_a_probe_is_written_beside_the_losses(small, tmp_path):
    run = train(
        small, root=tmp_path, show_progress=False, probe=lambda model, step: {"norm": model.W_E.norm().item()}
    )
    steps, norms = run.metrics()["norm"]
    assert norms[steps.tolist().index(40)] == pytest.approx(run.at(40).W_E.norm().item())


def test_plateau_and_cleaned_up_stop_early_and_also_after_a_resume(small, tmp_path):
    still = small.model_copy(
        update={
            "stop": StopConfig(when="plateau", tolerance=0.9, patience=2),
            "optimiser": OptimiserConfig(learning_rate=1e-7),
        }
    )
    whole = train(still, root=tmp_path / "whole", show_progress=False)
    assert whole.status.step == 30, "two regular looks after the first"
    for _ in range(5):
        parts = train(still, root=tmp_path / "parts", show_progress=False, max_seconds=0.0)
    assert contents(parts) == contents(whole)


def test_html_of_a_run_escapes_what_comes_from_files(small, tmp_path):
    html = train(small, root=tmp_path, show_progress=False)._repr_html_()
    assert "a+b mod 11" in html
    assert "<script" not in html
    assert len(html) < 5_000


def test_provenance_of_another_machine_is_mentioned_once_on_resume(small, tmp_path):
    run = train(small, root=tmp_path, show_progress=False, max_seconds=0.0)
    facts = run.folder.read_provenance()
    run.folder.write_provenance(facts | {"cpu": "another"})
    with pytest.warns(UserWarning, match="cpu: another"):
        train(small, root=tmp_path, show_progress=False)


def test_measured_series_are_kept_beside_those_of_training(small, tmp_path):
    run = train(small, root=tmp_path, show_progress=False)
    before = run.metrics()
    steps = np.array([0, 20, 60])
    run.keep({"restricted_loss": (steps, np.array([3.0, 2.0, 1.0])), "train_loss": (steps, np.zeros(3))})
    run.keep({"restricted_loss": (steps, np.array([3.0, 2.0, 0.5]))})
    after = run.metrics()
    assert after["restricted_loss"][1].tolist() == [3.0, 2.0, 0.5]
    assert after["train_loss"][1].tolist() == before["train_loss"][1].tolist()
    with RunLock(run.folder), pytest.raises(RunInUse):
        run.keep({"restricted_loss": (steps, np.zeros(3))})
