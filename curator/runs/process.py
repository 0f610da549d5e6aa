"""The process of a detached run: `python -m curator.runs.process WORKSPACE RUN_ID`.

With several processes `accelerate launch` starts each of them so; the first is the one that stores.
"""

from __future__ import annotations

import os
import sys

from curator.errors import CuratorError
from curator.runs.queue import begin_next
from curator.runs.work import execute, execute_beside
from curator.settings import load
from curator.workspace import open_workspace


def main(folder: str, run_id: str) -> int:
    """Do the work of a queued run, then let the next one begin; 1 when it failed with a reason that is stored."""
    workspace = open_workspace(folder, settings=load(workspace=folder))
    if int(os.environ.get("RANK", "0")) > 0:
        execute_beside(workspace, run_id)
        return 0
    try:
        run = execute(workspace, run_id)
    except CuratorError as error:
        print(f"{error.problem}\nNext: {error.hint}", file=sys.stderr)
        return 1
    finally:
        begin_next(workspace)
    print(f"Run {run.id} is {run.state}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
