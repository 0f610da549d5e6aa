"""The process of a job: `python -m curator.jobs.process WORKSPACE JOB_ID`."""

from __future__ import annotations

import sys

from curator.errors import CuratorError
from curator.jobs.work import execute
from curator.settings import load
from curator.workspace import open_workspace


def main(folder: str, job_id: str) -> int:
    """Work on a job; 1 when it failed with a reason that is stored."""
    workspace = open_workspace(folder, settings=load(workspace=folder))
    try:
        job = execute(workspace, int(job_id))
    except CuratorError as error:
        print(f"{error.problem}\nNext: {error.hint}", file=sys.stderr)
        return 1
    print(f"Job {job.id} is {job.state}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
