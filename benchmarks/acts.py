"""Times a bulk act and its undo while annotators submit.

    python benchmarks/acts.py [--records 100000] [--annotators 4] [--quick] [--json]

The act runs as it does for a lead, in a process of its own. The annotators are threads of this process, as they are of
a server; each answers a record every quarter of a second, from a queue that the act leaves alone. Told are the seconds
of the act from the confirmation to its end (the start of its process included), the CPU seconds of its process, and how
long annotators waited from a submit to their next record, alone and beside the act.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from curator import Workspace, jobs, open_workspace
from curator.annotate import answers, queue, settings
from curator.curate import bulk
from curator.ingest import import_file
from schemas.act import Accept
from schemas.annotation import Answer

TARGETS = {"act_s": 10, "undo_s": 10, "submit_p95_ms": 200}
_EVERY_SECONDS = 0.25


def fill(workspace: Workspace, count: int, folder: Path, *, project: str | None = None) -> None:
    """Records that wait, as an import makes them."""
    file = folder / f"{project}-{count}.jsonl"
    with file.open("w", encoding="utf-8") as stream:
        for n in range(count):
            row = {"instruction": f"Task {n}: summarise this.", "output": f"Summary {n} of the text of {project}."}
            stream.write(json.dumps(row) + "\n")
    import_file(workspace, file, actor="benchmark", project=project)


class Annotators:
    """Threads that submit while the block runs."""

    def __init__(self, workspace: Workspace, count: int, project_id: int) -> None:
        self._workspace, self._project_id = workspace, project_id
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(f"person {n}",)) for n in range(count)]
        self.milliseconds: list[float] = []

    def __enter__(self) -> Annotators:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _work(self, person: str) -> None:
        task = queue.next_task(self._workspace, person, project_id=self._project_id)
        while task is not None and not self._ended.wait(_EVERY_SECONDS):
            began = time.perf_counter()
            answer = Answer(response=task.record.response, rating=4)
            answers.submit(self._workspace, task.claim, answer, annotator=person)
            task = queue.next_task(self._workspace, person, project_id=self._project_id)
            self.milliseconds.append((time.perf_counter() - began) * 1000)


def p95(milliseconds: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(milliseconds, n=20)[-1] if len(milliseconds) > 1 else float("nan")


def watched(workspace: Workspace, job_id: int, began: float) -> dict[str, float]:
    """Wait for the process of a job. Returns its seconds since the confirmation, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    while jobs.status(workspace, job_id).is_alive:
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    psutil.wait_procs(psutil.Process().children(), timeout=10)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": seconds, "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--annotators", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="5,000 records")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    asked = parser.parse_args()
    count = 5_000 if asked.quick else asked.records
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = open_workspace(folder / "workspace", create=True)
        others = settings.create(workspace, "others", actor="benchmark")
        fill(workspace, count, folder)
        fill(workspace, 5_000, folder, project="others")
        with Annotators(workspace, asked.annotators, others.id) as alone:
            time.sleep(5)
        report: dict[str, Any] = {"records": count, "targets": TARGETS, "submit_p95_ms_alone": p95(alone.milliseconds)}
        with Annotators(workspace, asked.annotators, others.id) as beside:
            began = time.perf_counter()
            selected = bulk.choose(workspace, "", project_id=1)
            begun = bulk.begin(workspace, selected, Accept(), actor="benchmark")
            report["act"] = watched(workspace, begun.id, began)
        report["act"] |= {"submits": len(beside.milliseconds), "submit_p95_ms": p95(beside.milliseconds)}
        assert bulk.report(workspace, begun.id).changed == count
        with Annotators(workspace, asked.annotators, others.id) as beside:
            began = time.perf_counter()
            undoing = bulk.take_back(workspace, begun.id, actor="benchmark")
            report["undo"] = watched(workspace, undoing.id, began)
        report["undo"] |= {"submits": len(beside.milliseconds), "submit_p95_ms": p95(beside.milliseconds)}
        assert bulk.report(workspace, begun.id).undone == count
        workspace.close()
    print(json.dumps(report) if asked.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
