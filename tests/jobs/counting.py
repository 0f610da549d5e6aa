"""A kind of job that counts: each number that it reaches is an event, so what was done twice or never is seen.

As a program it works on one job and prints every step: `python tests/jobs/counting.py WORKSPACE JOB_ID`.
"""

from __future__ import annotations

import sys
from typing import Any

from curator import jobs, open_workspace
from curator.errors import CurationError
from curator.jobs.kinds import kind
from curator.jobs.work import Work
from curator.settings import load
from curator.store import events
from schemas.event import Kind

COUNTING = "counting, of a test"


@kind(COUNTING)
def count(work: Work) -> dict[str, Any]:
    """Count to `to`, three numbers at a time; `fails_at` says where the disk is full."""
    last = work.parameters["to"]
    while (work.cursor or 0) < last:
        with work.chunk() as chunk:
            for number in range(work.done + 1, min(work.done + 3, last) + 1):
                events.append(
                    chunk.connection, Kind.PRIORITY, f"number {number}", actor=work.job.actor,
                    at=work.workspace.clock(),
                )  # fmt: skip
                if number == work.parameters.get("fails_at"):
                    raise CurationError("The disk is full.", hint="Free some space.")
                chunk.done = chunk.cursor = number
            chunk.total = last
    return {"counted": work.done}


if __name__ == "__main__":
    folder, job_id = sys.argv[1:]
    opened = open_workspace(folder, settings=load(workspace=folder))
    jobs.execute(opened, int(job_id), on_progress=lambda done, _: print(done, flush=True))
