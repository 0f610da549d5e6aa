"""Times the data stages on synthetic Alpaca rows: import, claim and submit, freeze, export.

    python benchmarks/loop.py [--rows 200000] [--quick] [--json]

One run of each stage in this process; these figures guard budgets, they compare nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from curator import open_workspace, versions
from curator.annotate import answers, queue
from curator.ingest import import_file
from schemas.annotation import Answer
from schemas.version import ExportFormat

WORDS = ("lamp", "order", "blue", "river", "paper", "seven", "market", "open", "small", "garden", "letter", "train")
SUBMITS = 200


def write_rows(file: Path, rows: int) -> None:
    """Alpaca rows of about 60 words, all different."""
    random = Random(0)
    with file.open("w") as stream:
        for n in range(rows):
            text = " ".join(random.choices(WORDS, k=50))
            row = {"instruction": f"Task {n}: summarise.", "input": text, "output": text[:60]}
            stream.write(json.dumps(row) + "\n")


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(rows: int) -> dict[str, dict[str, float]]:
    """Seconds per stage, with the budget for this number of rows where the design names one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "rows.jsonl"
        write_rows(file, rows)
        waiting = open_workspace(folder / "waiting", create=True)
        trusted = open_workspace(folder / "trusted", create=True)
        share = rows / 1_000_000
        figures = {
            "import into the queue": {
                "seconds": timed(lambda: import_file(waiting, file, actor="benchmark")),
                "budget": 30 * share,
            },
            "import as reviewed": {
                "seconds": timed(lambda: import_file(trusted, file, actor="benchmark", accept=True))
            },
        }
        acts = []
        for _ in range(SUBMITS):
            began = time.perf_counter()
            task = queue.next_task(waiting, "benchmark", project_id=1)
            assert task is not None
            answers.submit(waiting, task.claim, Answer(response="x", rating=4), annotator="benchmark")
            acts.append(time.perf_counter() - began)
        figures["claim and submit, median"] = {"seconds": statistics.median(acts), "budget": 0.12}
        figures["freeze"] = {"seconds": timed(lambda: versions.freeze(trusted, actor="benchmark", name="v"))}
        for format in (ExportFormat.TRL, ExportFormat.PARQUET):
            out = folder / format.value
            figures[f"export {format.value}"] = {
                "seconds": timed(
                    lambda f=format, o=out: versions.export(trusted, "v", format=f, out=o, actor="benchmark")
                ),
                "budget": 10 * share,
            }
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--quick", action="store_true", help="10,000 rows")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = 10_000 if arguments.quick else arguments.rows
    result = {"rows": rows, "cores": os.cpu_count(), "figures": measure(rows)}
    if arguments.json:
        print(json.dumps(result))
        return
    for stage, figure in result["figures"].items():
        budget = f"   budget {figure['budget']:.2f} s" if "budget" in figure else ""
        print(f"{stage:28} {figure['seconds']:8.3f} s{budget}")


if __name__ == "__main__":
    main()
