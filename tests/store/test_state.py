import numpy as np
import pytest

from phasescope.errors import PhasescopeError
from phasescope.store import state
from phasescope.store.run_folder import step_file


def write(folder, *steps):
    for step in steps:
        state.write(folder, step, {"moment": np.full(3, step)}, {"stream": str(step)})


def damage(folder, step):
    path = step_file(folder.state, step)
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")


def test_the_newest_two_are_kept(folder):
    write(folder, 0, 100, 200, 300)
    assert state.steps(folder) == (200, 300)


def test_the_newest_comes_back(folder):
    write(folder, 100, 200)
    recovered = state.newest_valid(folder)
    assert recovered.notes == ()
    assert recovered.snapshot.step == 200
    assert recovered.snapshot.metadata == {"stream": "200"}
    np.testing.assert_array_equal(recovered.snapshot.tensors["moment"], [200, 200, 200])


def test_a_damaged_one_is_named_and_the_one_before_it_taken(folder):
    write(folder, 100, 200)
    damage(folder, 200)
    recovered = state.newest_valid(folder)
    assert recovered.snapshot.step == 100
    (note,) = recovered.notes
    assert str(step_file(folder.state, 200)) in note


def test_two_damaged_ones_are_both_named_and_the_run_begins_anew(folder):
    write(folder, 100, 200)
    damage(folder, 100)
    damage(folder, 200)
    recovered = state.newest_valid(folder)
    assert recovered.snapshot is None
    assert len(recovered.notes) == 2


def test_after_going_back_the_abandoned_future_is_let_go(folder):
    """A damaged state of step 300 must not take one of the two places for ever."""
    write(folder, 200, 300)
    damage(folder, 300)
    write(folder, 250)
    assert state.steps(folder) == (200, 250)


def test_no_state_is_no_error(folder):
    recovered = state.newest_valid(folder)
    assert (recovered.snapshot, recovered.notes) == (None, ())
    with pytest.raises(PhasescopeError, match="there is no state of step 7"):
        state.read(folder, 7)
