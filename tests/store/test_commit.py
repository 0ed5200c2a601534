import numpy as np

from phasescope.store import checkpoints, state
from phasescope.store.commit import commit, recover
from phasescope.store.metrics import MetricsLog, read_metrics
from phasescope.store.run_folder import step_file


def save(folder, log, *steps):
    for step in steps:
        log.add(step, {"train_loss": float(step)})
        commit(folder, log, step, {"W": np.full(2, step)}, {"moment": np.full(2, step)}, {"seed": "0"})


def test_a_commit_is_weights_metrics_and_state(folder):
    with MetricsLog(folder.metrics) as log:
        save(folder, log, 0, 100)
    assert checkpoints.steps(folder) == state.steps(folder) == (0, 100)
    assert checkpoints.read(folder, 100).tensors["W"].tolist() == [100, 100]
    assert state.read(folder, 100).tensors["moment"].tolist() == [100, 100]
    assert checkpoints.read(folder, 100).metadata == state.read(folder, 100).metadata == {"seed": "0"}
    assert read_metrics(folder.metrics)["train_loss"][1].tolist() == [0.0, 100.0]


def test_a_new_run_begins_at_nothing(folder):
    with MetricsLog(folder.metrics) as log:
        log.add(0, {"train_loss": 4.7})
        log.commit()
        assert recover(folder, log).snapshot is None
    assert read_metrics(folder.metrics) == {}


def test_metrics_beyond_the_last_state_are_forgotten(folder):
    """A live page sees them earlier than they are promised; the steps are computed again."""
    with MetricsLog(folder.metrics) as log:
        save(folder, log, 0, 100)
        log.add(150, {"train_loss": 1.0})
        log.commit()
        assert recover(folder, log).snapshot.step == 100
    assert read_metrics(folder.metrics)["train_loss"][0].tolist() == [0, 100]


def test_a_damaged_state_costs_the_steps_since_the_one_before(folder):
    with MetricsLog(folder.metrics) as log:
        save(folder, log, 0, 100, 200)
        step_file(folder.state, 200).write_bytes(b"")
        recovered = recover(folder, log)
        assert recovered.snapshot.step == 100
        assert "000000200.safetensors" in recovered.notes[0]
        assert read_metrics(folder.metrics)["train_loss"][0].tolist() == [0, 100]
        assert checkpoints.steps(folder) == (0, 100, 200)
        save(folder, log, 200)
    assert state.steps(folder) == (100, 200)
