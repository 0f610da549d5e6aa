"""The index behind the import: the job takes in all that is left, whether or not a step was cut short before."""

from __future__ import annotations

from curator import Workspace, jobs
from curator.curate import indexing
from curator.store import indexing as stored
from schemas.job import JobState


def test_a_job_takes_in_what_is_left_after_a_step_that_was_cut_short(stocked: Workspace) -> None:
    with stocked.read() as connection:
        step = stored.next_step(connection, 1, limit=2)
    with stocked.read() as connection:
        stored.take_in_words(connection, 1, step)  # and killed before the database heard of it
    assert indexing.state(stocked, 1) == (0, 3)
    job_id = indexing.start(stocked, 1, actor="Lea", detach=False)
    assert indexing.start(stocked, 1, actor="Lea", detach=False) == job_id
    job = jobs.execute(stocked, job_id)
    assert (job.state, job.result) == (JobState.DONE, {"records": 3})
    assert indexing.state(stocked, 1) == (3, 0)
