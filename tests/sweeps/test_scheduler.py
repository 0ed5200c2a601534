"""The scheduler, with workers that do what the test tells them."""

import pytest

from phasescope.store.run_folder import RunFolder
from phasescope.store.status import Status, write_status
from phasescope.sweeps import scheduler
from phasescope.sweeps.scheduler import Ending, Job, run_all


class Scripted:
    """A pool of two whose workers end as scripted: a step to commit and an ending for each attempt."""

    def __init__(self, script):
        self.script = {name: list(attempts) for name, attempts in script.items()}
        self.running, self.most, self.started, self.closed = [], 0, [], False

    def room(self):
        return 2 - len(self.running)

    def start(self, job):
        self.started.append(job.folder.name)
        self.running.append(job)
        self.most = max(self.most, len(self.running))

    def ended(self):
        over, self.running = self.running, []
        endings = []
        for job in over:
            step, ending = self.script[job.folder.name].pop(0)
            state = "finished" if step == job.steps else "training"
            write_status(job.folder, Status(state=state, step=step, steps=job.steps))
            endings.append((job, ending))
        return endings

    def close(self):
        self.closed = True


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "_SECONDS_BETWEEN_GLANCES", 0.0)
    return [Job(RunFolder.create(tmp_path, name, f'{{"{name}":1}}', {}), 100) for name in "abcde"]


KILLED = Ending("its worker was killed", lost=True)


def test_a_lost_run_goes_on_and_a_failed_one_stops_nobody(jobs):
    write_status(jobs[4].folder, Status(state="finished", step=100, steps=100))
    pool = Scripted(
        {
            "a": [(100, Ending())],
            "b": [(40, KILLED), (100, Ending())],
            "c": [(20, Ending("diverged"))],
            "d": [(0, KILLED), (0, KILLED), (0, KILLED)],
        }
    )
    turns = {path.name[0]: turn for path, turn in run_all(jobs, pool, show_progress=False).items()}
    assert {name: turn.attempts for name, turn in turns.items()} == {"a": 1, "b": 2, "c": 1, "d": 3, "e": 0}
    assert {name: turn.complaint for name, turn in turns.items() if turn.complaint} == {
        "c": "diverged",
        "d": "its worker was killed",
    }
    assert pool.most == 2
    assert pool.closed


def test_a_run_that_gets_further_each_time_may_lose_any_number_of_workers(jobs):
    script = [(step, KILLED) for step in range(10, 100, 10)] + [(100, Ending())]
    turns = run_all(jobs[:1], Scripted({"a": script}), show_progress=False)
    (turn,) = turns.values()
    assert (turn.attempts, turn.complaint) == (10, "")


def test_workers_are_stopped_when_the_sweep_is(jobs, monkeypatch):
    pool = Scripted({})
    monkeypatch.setattr(pool, "ended", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_all(jobs, pool, show_progress=False)
    assert pool.closed


def test_the_same_run_twice_is_trained_once(jobs):
    pool = Scripted({"a": [(100, Ending())]})
    run_all([jobs[0], jobs[0]], pool, show_progress=False)
    assert pool.started == ["a"]
