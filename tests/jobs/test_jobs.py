"""Jobs: done once whatever becomes of their process, ended on request, and taken up again."""

from __future__ import annotations

import dataclasses
import os
import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curator import Workspace, detached, jobs
from curator.cli.main import app
from curator.errors import CurationError, NotFoundError
from curator.jobs import work as working
from curator.jobs.pace import Pace
from curator.store import events
from curator.store import jobs as stored_jobs
from curator.store.jobs import Owner
from schemas.event import Kind
from schemas.job import JobState
from schemas.process import ProcessMark
from tests.jobs import processes
from tests.jobs.counting import COUNTING

PROGRAM = Path(__file__).with_name("counting.py")


def start(workspace: Workspace, **parameters: int) -> int:
    return jobs.start(workspace, COUNTING, {"to": 30} | parameters, "Lea", project_id=1, detach=False)


def counted(workspace: Workspace) -> Counter[str]:
    with workspace.read() as connection:
        return Counter(each.subject for each in events.latest(connection, limit=10_000) if each.kind is Kind.PRIORITY)


def environment(workspace: Workspace) -> dict[str, str]:
    url = workspace.engine.url
    given = {} if url.get_backend_name() == "sqlite" else {"CURATOR_DATABASE_URL": url.render_as_string(False)}
    return os.environ | given


def test_a_job_does_all_of_it_and_says_what_came_of_it(workspace: Workspace) -> None:
    job_id = start(workspace)
    assert jobs.status(workspace, job_id).state is JobState.QUEUED
    told: list[tuple[int, int | None]] = []
    job = jobs.execute(workspace, job_id, on_progress=lambda done, total: told.append((done, total)))
    assert (job.state, job.done, job.total, job.result) == (JobState.DONE, 30, 30, {"counted": 30})
    assert (job.actor, job.kind, job.project_id) == ("Lea", COUNTING, 1)
    assert told == [(n, 30) for n in range(3, 31, 3)]
    assert jobs.execute(workspace, job_id) == job  # a second process for it leaves at once
    assert set(counted(workspace).values()) == {1}


def test_a_job_that_is_killed_anywhere_and_taken_up_again_does_everything_once(workspace: Workspace) -> None:
    to = 150
    job_id = start(workspace, to=to)
    for _ in range(3):
        command = [sys.executable, str(PROGRAM), str(workspace.folder), str(job_id)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(workspace))
        for _ in range(random.randint(1, 6)):
            process.stdout.readline()
        process.kill()  # somewhere in the chunk that follows, or behind the end
        process.communicate()
        assert jobs.status(workspace, job_id).state is JobState.INTERRUPTED
        assert jobs.status(workspace, job_id).done == counted(workspace).total()
    assert jobs.execute(workspace, job_id).result == {"counted": to}
    assert counted(workspace) == Counter(f"number {n}" for n in range(1, to + 1))


def test_a_job_ends_on_request_between_two_chunks_and_goes_on_later(workspace: Workspace) -> None:
    job_id = start(workspace)
    job = jobs.execute(workspace, job_id, on_progress=lambda *_: jobs.cancel(workspace, job_id, actor="Ada"))
    assert (job.state, job.done, job.cancelled_by) == (JobState.CANCELLED, 3, "Ada")
    assert counted(workspace).total() == 3
    assert jobs.cancel(workspace, job_id, actor="Ada") == job
    jobs.resume(workspace, job_id, actor="Lea", detach=False)
    assert jobs.execute(workspace, job_id).state is JobState.DONE
    assert set(counted(workspace).values()) == {1}
    with pytest.raises(CurationError, match="is done"):
        jobs.resume(workspace, job_id, actor="Lea")


def test_a_job_without_a_process_is_cancelled_at_once(workspace: Workspace) -> None:
    job_id = start(workspace)
    assert jobs.cancel(workspace, job_id, actor="Ada").state is JobState.CANCELLED
    assert jobs.execute(workspace, job_id).done == 0


def test_a_chunk_that_fails_leaves_nothing_and_the_reason_is_kept(workspace: Workspace) -> None:
    job_id = start(workspace, fails_at=8)
    with pytest.raises(CurationError, match="disk is full"):
        jobs.execute(workspace, job_id)
    job = jobs.status(workspace, job_id)
    assert (job.state, job.done, job.problem, job.hint) == (
        JobState.FAILED, 6, "The disk is full.", "Free some space.",
    )  # fmt: skip
    assert counted(workspace).total() == 6


def test_a_job_that_another_process_took_over_is_left_alone(workspace: Workspace) -> None:
    job_id = start(workspace)
    thief = Owner("another machine", ProcessMark(1, 1.0))

    def take_over(done: int, _total: int | None) -> None:
        if done == 6:
            with workspace.write() as connection:
                stored_jobs.take(connection, job_id, thief, at=workspace.clock())

    job = jobs.execute(workspace, job_id, on_progress=take_over)
    assert (job.state, job.done) == (JobState.RUNNING, 6)
    assert jobs.execute(workspace, job_id).done == 6  # it beats: another machine is at it
    later = dataclasses.replace(workspace, clock=lambda: workspace.clock() + timedelta(minutes=10))
    assert jobs.status(later, job_id).state is JobState.INTERRUPTED
    assert jobs.execute(later, job_id).state is JobState.DONE
    assert counted(workspace) == Counter(f"number {n}" for n in range(1, 31))


def test_a_job_whose_processes_keep_ending_counts_as_failed(workspace: Workspace) -> None:
    job_id = start(workspace)
    gone = Owner("another machine", ProcessMark(1, 1.0))
    later = dataclasses.replace(workspace, clock=lambda: workspace.clock() + timedelta(minutes=10))
    for _ in range(3):
        with workspace.write() as connection:
            stored_jobs.take(connection, job_id, gone, at=workspace.clock())
    [job] = jobs.watch(later)
    assert job.state is JobState.FAILED
    assert "3 times" in job.problem


def test_one_job_with_a_key_at_a_time_is_enough(workspace: Workspace) -> None:
    def begin() -> int:
        return jobs.start(workspace, COUNTING, {"to": 3}, "Lea", key="index 1", detach=False)

    first = begin()
    assert begin() == first
    jobs.execute(workspace, first)
    assert begin() != first


def test_an_unknown_kind_is_refused_before_anything_is_stored(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no kind of job dancing"):
        jobs.start(workspace, "dancing", {}, "Lea")
    assert jobs.listed(workspace) == []


@pytest.mark.sqlite
def test_a_process_of_its_own_outlives_its_starter_and_the_command_sees_it(workspace: Workspace) -> None:
    """A process of its own knows the kinds of the product only: this one fails, with its reason."""
    job_id = start(workspace)
    owner = Owner(working.socket.gethostname(), ProcessMark(detached.own_mark().id, 1.0))
    with workspace.write() as connection:
        stored_jobs.take(connection, job_id, owner, at=workspace.clock())  # a process that is gone

    def command(*words: str) -> str:
        result = CliRunner().invoke(app, ["jobs", *words, "--workspace", str(workspace.folder), "--json"])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert '"state":"interrupted"' in command("show", str(job_id))
    assert '"state":"queued"' in command("resume")
    processes.wait()
    assert '"state":"failed"' in command("list")
    assert "no kind of job counting, of a test" in jobs.status(workspace, job_id).problem
    assert '"state":"queued"' in command("resume", str(job_id))
    assert '"jobs":[]' in command("resume")
    processes.wait()
    assert '"state":"failed"' in command("cancel", str(job_id))


def test_chunks_become_as_large_as_others_can_bear(workspace: Workspace) -> None:
    pace = Pace()
    for _ in range(20):
        pace.tell(pace.rows, seconds=pace.rows * 25e-6)
    assert pace.rows == 1000
    for _ in range(20):
        pace.tell(pace.rows, seconds=pace.rows * 1.0)
    assert pace.rows == 10
